"""Every key of the configuration, its default and what it accepts; `pinkmedia.config` reads them.

Descriptions are what ``docs/configuration.md`` and the command line's help say.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pinkmedia import tier_settings as fields
from pinkmedia.ladder_settings import DEFAULT_LADDER, RungSettings, check_ladder
from pinkmedia.media_urls import MediaUrls, StreamMediaUrl
from pinkmedia.publishing import PublishLimits
from pinkmedia.tiers import Tier, TierLimits
from transcode.ladder import Ladder

ENVIRONMENT_PREFIX = "PINKMEDIA_"
"""Of each key's environment variable."""
MINIMUM_WINDOW_SEGMENTS = 3
"""A live playlist must not fall below three target durations (RFC 8216 §6.2.2)."""


class Settings(BaseSettings):
    """Every key of the configuration; immutable once loaded."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, allow_inf_nan=False
    )

    data_dir: Path = Field(default=Path("data"), description="Folder of the database; made when it does not exist.")
    database_url: str | None = Field(
        default=None,
        description="PostgreSQL instead of a file in `data_dir`: `postgresql://user@host:port/name`, no password.",
    )
    database_password_file: Path | None = Field(
        default=None, description="File whose first line is the password of `database_url`."
    )
    admin_token_file: Path | None = Field(
        default=None, description="File whose first line is the token for the whole API, presented as a bearer token."
    )
    webhook_url: str | None = Field(
        default=None, description="Where every event of a stream is sent to, as a signed POST request."
    )
    webhook_secret_file: Path | None = Field(
        default=None, description="File with the secret that `webhook_url`'s requests are signed with: `whsec_…`."
    )
    host: str = Field(default="0.0.0.0", min_length=1, description="Address that every server listens on.")  # noqa: S104
    http_port: int = Field(
        default=8080, ge=1, le=65535, description="TCP port of the watch pages, the media and the API."
    )
    https_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="TCP port of the same over HTTPS with HTTP/2, for servers without a proxy; 0: none.",
    )
    http_workers: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Processes that answer HTTP beside the node, for machines with many cores and viewers; 0: the node"
        " itself.",
    )
    rtmp_port: int = Field(default=1935, ge=1, le=65535, description="TCP port that publishers send RTMP to.")
    rtmps_port: int = Field(
        default=0, ge=0, le=65535, description="TCP port that publishers send RTMPS to (RTMP over TLS); 0: none."
    )
    rtmp_port_accepts_tls: bool = Field(default=False, description="Take RTMPS on `rtmp_port`, too.")
    tls_certificate: Path | None = Field(
        default=None,
        description="Certificate for RTMPS and HTTPS: this server's first, then its authority's; read again when it"
        " changes.",
    )
    tls_private_key: Path | None = Field(
        default=None, description="Private key of `tls_certificate`, without a passphrase."
    )
    rtmp_reconnect_url: str | None = Field(
        default=None,
        description="Where publishers that know enhanced RTMP's reconnect request go on when this server stops.",
    )
    rtmp_connections_per_address: int = Field(
        default=32, ge=1, le=500, description="Most publishers' connections from one address (IPv6: from one /64)."
    )
    srt_port: int = Field(default=9999, ge=0, le=65535, description="UDP port that publishers send SRT to; 0: none.")
    srt_min_latency_ms: int = Field(
        default=200,
        ge=20,
        le=8000,
        description="Least time that a lost SRT packet is waited for; three round trips and more mend most losses."
        " While nothing is lost, nothing waits.",
    )
    srt_max_latency_ms: int = Field(
        default=4000,
        ge=20,
        le=8000,
        description="Most of it, whatever encoders ask for; at least `srt_min_latency_ms`.",
    )
    srt_passphrase_file: Path | None = Field(
        default=None,
        description="File with the passphrase that SRT publishers encrypt with, unless their stream has its own.",
    )
    srt_encrypted_only: bool = Field(
        default=False, description="Refuse SRT to streams that have no passphrase, neither their own nor the server's."
    )
    srt_connections_per_address: int = Field(
        default=32, ge=1, le=500, description="Most SRT publishers from one address (IPv6: from one /64)."
    )
    http_connections_per_address: int = Field(
        default=256,
        ge=0,
        le=100_000,
        description="Most viewers' connections from one address (IPv6: from one /64); 0: any number.",
    )
    http_requests_per_address: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="Most requests from one address in a second; a player makes some 20. 0: any number.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1, ::1",
        description="Proxies that are believed when they say whose a request is (`X-Forwarded-For`); they themselves"
        " are not limited.",
    )
    playback_secret_file: Path | None = Field(
        default=None,
        description="File with the secrets that sign addresses of private streams, one a line; the first one signs.",
    )
    public_url: str | None = Field(
        default=None, description="URL that viewers reach this server at; shown in printed addresses instead of `host`."
    )
    media_url: str | None = Field(
        default=None,
        description="URL that playlists name media at, such as a CDN's that asks this server; none: relative ones.",
    )
    stream_media_urls: str = Field(
        default="", description="Streams with a `media_url` of their own: NAME=URL, with commas between them."
    )
    segment_target_seconds: float = Field(default=2.0, ge=1, le=6, description="Aimed-at duration of a media segment.")
    part_target_seconds: float = Field(
        default=0.2,
        ge=0.1,
        le=2,
        description="Aimed-at duration of a partial segment; at most `segment_target_seconds`.",
    )
    window_seconds: float = Field(
        default=12.0,
        ge=6,
        le=120,
        description="How much of the past stays in memory and listed; at least 3 × `segment_target_seconds`.",
    )
    reconnect_grace_seconds: float = Field(
        default=30.0,
        ge=0,
        le=600,
        description="How long a lost publisher may take to come back and continue its broadcast.",
    )
    max_broadcast_hours: float = Field(
        default=0.0, ge=0, le=8760, description="After so long a broadcast is ended; 0 for no such limit."
    )
    transcode: bool = Field(
        default=True, description="Make the smaller renditions too; off: only what the publisher sends."
    )
    encoder: Literal["software", "auto", "nvenc", "qsv", "vaapi", "videotoolbox"] = Field(
        default="software",
        description="What encodes; auto: the first hardware encoder that works here. Software stands in for it.",
    )
    hdr: Literal["tone_map", "refuse"] = Field(
        default="tone_map",
        description="What HDR sources (PQ, HLG) become: renditions in SDR, or none; it is itself passed through.",
    )
    on_demand: bool = Field(
        default=False,
        description="Encode a rendition only while somebody watches it; it begins within a segment of being asked for.",
    )
    transcode_cores: float = Field(
        default=0.0,
        ge=0,
        le=1024,
        description="Processor cores that all encoders together may use; 0: nine tenths of the machine's. What does not"
        " fit is left out, lowest tier and unwatched renditions first.",
    )
    max_workers: int = Field(
        default=32,
        ge=1,
        le=1000,
        description="Most streams that are transcoded at once; the others are passed through. Each takes some 200 MB.",
    )
    ladder: tuple[RungSettings, ...] = Field(
        default=DEFAULT_LADDER, min_length=1, max_length=16, description="What streams may be encoded to; see below."
    )
    audio_only: bool = Field(
        default=True, description="The sound alone is offered, too, to players on lines too slow for any picture."
    )
    # What tiers may do. Partners have room for a whole ladder in 1080p60 (some 13 Mb/s) at its best. A standard
    # stream may send the usual 1080p60 at 6 Mb/s, of which its viewers get 720p30. Passthrough may offer more than one
    # size only by sending it.
    partner_max_kbps: int = fields.max_kbps(Tier.PARTNER, 20_000)
    partner_max_height: int = fields.max_height(Tier.PARTNER, 2160)
    partner_max_fps: int = fields.max_fps(Tier.PARTNER, 60)
    partner_passthrough_kbps: int = fields.passthrough_kbps(Tier.PARTNER, 12_000)
    partner_video_tracks: int = fields.video_tracks(Tier.PARTNER, 5)
    partner_audio_tracks: int = fields.audio_tracks(Tier.PARTNER, 6)
    partner_dvr_seconds: int = fields.dvr_seconds(Tier.PARTNER)
    standard_max_kbps: int = fields.max_kbps(Tier.STANDARD, 8_000)
    standard_max_height: int = fields.max_height(Tier.STANDARD, 720)
    standard_max_fps: int = fields.max_fps(Tier.STANDARD, 30)
    standard_passthrough_kbps: int = fields.passthrough_kbps(Tier.STANDARD, 4_500)
    standard_video_tracks: int = fields.video_tracks(Tier.STANDARD, 3)
    standard_audio_tracks: int = fields.audio_tracks(Tier.STANDARD, 2)
    standard_dvr_seconds: int = fields.dvr_seconds(Tier.STANDARD)
    passthrough_max_kbps: int = fields.max_kbps(Tier.PASSTHROUGH, 8_000)
    passthrough_max_height: int = fields.offered_height(Tier.PASSTHROUGH, 720)
    passthrough_max_fps: int = fields.offered_fps(Tier.PASSTHROUGH, 60)
    passthrough_video_tracks: int = fields.video_tracks(Tier.PASSTHROUGH, 3)
    passthrough_audio_tracks: int = fields.audio_tracks(Tier.PASSTHROUGH, 2)
    passthrough_dvr_seconds: int = fields.dvr_seconds(Tier.PASSTHROUGH)
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe event logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="Form of log lines on standard error; auto: text on a terminal, JSON elsewhere."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load_settings` has merged the layers already."""
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_switch_as_number(cls, value: object, info: ValidationInfo) -> object:
        # Python counts True as 1, so `http_port = true` would mean port 1.
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("not a switch")
        return value

    @field_validator("public_url", "media_url")
    @classmethod
    def _check_server_url(cls, url: str | None) -> str | None:
        return None if url is None else _server_url(url)

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, url: str | None) -> str | None:
        return None if url is None else _postgresql_url(url)

    @field_validator("webhook_url")
    @classmethod
    def _check_webhook_url(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
            raise ValueError("not an http or https URL")
        return url

    @field_validator("stream_media_urls")
    @classmethod
    def _check_stream_media_urls(cls, text: str) -> str:
        _stream_media_urls(text)
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _check_trusted_proxies(cls, text: str) -> str:
        _networks(text)
        return text

    @field_validator("rtmp_reconnect_url")
    @classmethod
    def _check_reconnect_url(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in {"rtmp", "rtmps"} or not urlsplit(url).hostname):
            raise ValueError("not the URL of an RTMP server")
        return url

    @field_validator("ladder")
    @classmethod
    def _check_ladder(cls, ladder: tuple[RungSettings, ...]) -> tuple[RungSettings, ...]:
        check_ladder(ladder)
        return ladder

    @model_validator(mode="after")
    def _check_tls(self) -> Settings:
        pair = (self.tls_certificate, self.tls_private_key)
        if None in pair and pair != (None, None):
            given, missing = sorted(("tls_certificate", "tls_private_key"), key=lambda key: getattr(self, key) is None)
            raise _contradiction(given, f"given together with {missing}")
        if None in pair and self.rtmps_port:
            raise _contradiction("rtmps_port", "0 without tls_certificate and tls_private_key")
        if None in pair and self.https_port:
            raise _contradiction("https_port", "0 without tls_certificate and tls_private_key")
        if None in pair and self.rtmp_port_accepts_tls:
            raise _contradiction("rtmp_port_accepts_tls", "false without tls_certificate and tls_private_key")
        return self

    @model_validator(mode="after")
    def _check_webhook(self) -> Settings:
        if self.webhook_url is not None and self.webhook_secret_file is None:
            raise _contradiction("webhook_url", "given together with webhook_secret_file")
        return self

    @model_validator(mode="after")
    def _check_latency(self) -> Settings:
        if self.srt_min_latency_ms > self.srt_max_latency_ms:
            raise _contradiction(
                "srt_min_latency_ms", f"at most srt_max_latency_ms, which is {self.srt_max_latency_ms}"
            )
        return self

    @model_validator(mode="after")
    def _check_durations(self) -> Settings:
        if self.part_target_seconds > self.segment_target_seconds:
            raise _contradiction(
                "part_target_seconds", f"at most segment_target_seconds, which is {self.segment_target_seconds:g}"
            )
        least_seconds = MINIMUM_WINDOW_SEGMENTS * self.segment_target_seconds
        if self.window_seconds < least_seconds:
            raise _contradiction("window_seconds", f"at least 3 × segment_target_seconds, which is {least_seconds:g}")
        return self

    @property
    def shown_host(self) -> str:
        """Host for printed URLs: that of `public_url`, else the address listened on, else ``localhost``."""
        if self.public_url is not None:
            return bracketed(urlsplit(self.public_url).hostname or "localhost")
        return "localhost" if is_wildcard(self.host) else bracketed(self.host)

    @property
    def media_urls(self) -> MediaUrls:
        return MediaUrls(self.media_url or "", _stream_media_urls(self.stream_media_urls))

    @property
    def base_url(self) -> str:
        """URL that pages and playlists are reached at, without a trailing slash."""
        return self.public_url or f"http://{self.shown_host}:{self.http_port}"

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """`trusted_proxies`, read."""
        return _networks(self.trusted_proxies)

    def tier_limits(self) -> dict[Tier, TierLimits]:
        """Each tier's limits."""
        return {tier: self._limits_of(tier) for tier in Tier}

    def _limits_of(self, tier: Tier) -> TierLimits:
        max_kbps, max_height, max_fps, video_tracks, audio_tracks = (
            getattr(self, f"{tier}_{key}")
            for key in ("max_kbps", "max_height", "max_fps", "video_tracks", "audio_tracks")
        )
        publish = PublishLimits(max_kbps * 1000, video_tracks, audio_tracks)
        passthrough_kbps = getattr(self, f"{tier}_passthrough_kbps", max_kbps)  # a tier without a worker has no limit
        return TierLimits(
            publish,
            Ladder(tuple(rung.template() for rung in self.ladder), max_height, max_fps, self.hdr),
            is_transcoding=self.transcode and tier is not Tier.PASSTHROUGH,
            passthrough_bps=passthrough_kbps * 1000,
            dvr_seconds=getattr(self, f"{tier}_dvr_seconds"),
        )

    def ingest_urls(self, reached_host: str) -> list[str]:
        """URLs to give to a publisher that has reached this server at a host, without its stream key."""
        has_own_host = self.public_url is not None or not is_wildcard(self.host)
        host = self.shown_host if has_own_host else bracketed(reached_host)
        plain = [f"rtmp://{host}:{self.rtmp_port}/live"]
        return [f"rtmps://{host}:{self.rtmps_port}/live", *plain] if self.rtmps_port else plain

    @property
    def rtmp_url(self) -> str:
        """URL to give to a publisher, without its stream key."""
        return f"rtmp://{self.shown_host}:{self.rtmp_port}/live"

    @property
    def srt_url(self) -> str | None:
        """The same for SRT; the key goes into the stream id."""
        return f"srt://{self.shown_host}:{self.srt_port}" if self.srt_port else None


def is_wildcard(host: str) -> bool:
    """Whether listening on it means every address of the machine."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """A host as a URL spells it: IPv6 addresses in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host else host


def _server_url(url: str) -> str:
    """Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not the URL of a server")
    return url.rstrip("/")


def _postgresql_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is not None:
        raise ValueError("without a password, which goes into the file database_password_file")
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError("postgresql://user@host:port/name")
    return url


def _stream_media_urls(text: str) -> tuple[StreamMediaUrl, ...]:
    """Raises ValueError."""
    pairs = [each.strip().partition("=") for each in text.split(",") if each.strip()]
    if not all(name for name, _, _ in pairs):
        raise ValueError("no stream's name")
    return tuple(StreamMediaUrl(name, _server_url(url)) for name, _, url in pairs)


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Raises ValueError."""
    return tuple(ip_network(each.strip()) for each in text.split(","))


def _contradiction(key: str, accepted: str) -> PydanticCustomError:
    return PydanticCustomError("contradiction", "{key} must be {accepted}", {"key": key, "accepted": accepted})
