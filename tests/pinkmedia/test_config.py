"""Configuration: file < environment < flags, and every refusal one line that says where and what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from pinkmedia.config import ConfigurationError, accepted_values, load_settings, variable_name
from pinkmedia.media import Codec
from pinkmedia.publishing import PublishLimits
from pinkmedia.settings import Settings
from pinkmedia.tiers import Tier, TierLimits
from tests.pinkmedia.command_line import ROOT, clean_environment
from transcode.ladder import DEFAULT_TEMPLATES, Ladder, RungTemplate


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins in an empty directory, without configuration in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PINKMEDIA_CONFIG", raising=False)
    for key in Settings.model_fields:
        monkeypatch.delenv(variable_name(key), raising=False)


def write_config(text: str, name: str = "pinkmedia.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(flags: dict[str, object] | None = None, *, config: Path | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(flags, config=config)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


class TestLayers:
    def test_defaults_need_no_configuration(self) -> None:
        settings = load_settings()
        assert settings.data_dir == Path("data")
        assert (settings.http_port, settings.rtmp_port, settings.srt_port) == (8080, 1935, 9999)
        assert settings == Settings()

    def test_flags_win_over_environment_which_wins_over_the_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write_config("http_port = 1\nrtmp_port = 1\nsrt_port = 1\n")
        monkeypatch.setenv("PINKMEDIA_HTTP_PORT", "2")
        monkeypatch.setenv("PINKMEDIA_RTMP_PORT", "2")
        settings = load_settings({"http_port": "3", "rtmp_port": None})
        assert (settings.http_port, settings.rtmp_port, settings.srt_port) == (3, 2, 1)

    def test_the_file_may_be_named_by_flag_or_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PINKMEDIA_CONFIG", str(write_config("http_port = 10\n", "one.toml")))
        assert load_settings().http_port == 10
        assert load_settings(config=write_config("http_port = 20\n", "two.toml")).http_port == 20

    def test_a_variable_set_to_nothing_counts_as_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PINKMEDIA_HTTP_PORT", "")
        assert load_settings().http_port == 8080

    def test_settings_never_change(self) -> None:
        with pytest.raises(ValidationError):
            Settings().http_port = 1


class TestRefusals:
    def test_unknown_key_in_the_file(self) -> None:
        write_config("http_prot = 80\n")
        assert refusal() == "pinkmedia.toml: unknown key http_prot; did you mean http_port?"

    def test_unknown_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PINKMEDIA_HTTP_PROT", "80")
        assert refusal() == "environment: unknown key PINKMEDIA_HTTP_PROT; did you mean PINKMEDIA_HTTP_PORT?"

    def test_unknown_key_like_no_other_lists_the_known_ones(self) -> None:
        write_config("zzzz = 1\n")
        assert "known: admin_token_file, audio_only, data_dir, database_password_file, database_url" in refusal()

    def test_bad_value_in_the_file(self) -> None:
        write_config("http_port = 70000\n")
        assert refusal() == "pinkmedia.toml: http_port cannot be '70000': it must be a whole number from 1 to 65535"

    def test_bad_value_in_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PINKMEDIA_LOG_FORMAT", "xml")
        assert refusal() == "environment: PINKMEDIA_LOG_FORMAT cannot be 'xml': it must be auto, json or text"

    def test_bad_value_of_a_flag(self) -> None:
        assert refusal({"window_seconds": "ever"}) == (
            "flag: --window-seconds cannot be 'ever': it must be a number from 6 to 120"
        )

    @pytest.mark.parametrize("text", ["nan", "inf", "-1"])
    def test_numbers_that_are_no_durations(self, text: str) -> None:
        write_config(f"segment_target_seconds = {text}\n")
        assert "a number from 1 to 6" in refusal()

    def test_a_switch_is_no_port(self) -> None:
        write_config("http_port = true\n")
        assert "a whole number from 1 to 65535" in refusal()

    def test_a_table_is_no_value(self) -> None:
        write_config("[host]\nname = 'a'\n")
        assert refusal().startswith("pinkmedia.toml: host cannot be")

    def test_a_value_of_several_lines_is_told_in_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PINKMEDIA_HTTP_PORT", "80\n81")
        assert refusal().startswith(r"environment: PINKMEDIA_HTTP_PORT cannot be '80\n81'")

    @pytest.mark.parametrize("url", ["live.example.com", "ftp://a", "https://", "https://a/?b", "http://[::1"])
    def test_public_url_is_that_of_a_server(self, url: str) -> None:
        assert refusal({"public_url": url}).endswith("an http:// or https:// URL")

    def test_parts_are_no_longer_than_segments(self) -> None:
        write_config("segment_target_seconds = 1\npart_target_seconds = 1.5\n")
        assert refusal() == (
            "pinkmedia.toml: part_target_seconds cannot be '1.5': it must be at most segment_target_seconds, which is 1"
        )

    def test_the_window_holds_three_segments_also_when_only_the_segments_were_chosen(self) -> None:
        assert refusal({"segment_target_seconds": 5}) == (
            "default: window_seconds cannot stay 12: it must be at least 3 × segment_target_seconds, which is 15"
        )

    def test_rtmps_needs_a_certificate(self) -> None:
        assert refusal({"rtmps_port": 1936}) == (
            "flag: --rtmps-port cannot be '1936': it must be 0 without tls_certificate and tls_private_key"
        )
        write_config("rtmp_port_accepts_tls = true\n")
        assert refusal().endswith("it must be false without tls_certificate and tls_private_key")

    def test_https_needs_a_certificate(self) -> None:
        assert refusal({"https_port": 443}) == (
            "flag: --https-port cannot be '443': it must be 0 without tls_certificate and tls_private_key"
        )

    @pytest.mark.parametrize("text", ["localhost", "10.0.0.1/8", "127.0.0.1 ::1", "127.0.0.1,"])
    def test_proxies_are_addresses_and_networks(self, text: str) -> None:
        accepted = "IP addresses and networks, with commas between them"
        assert (
            refusal({"trusted_proxies": text}) == f"flag: --trusted-proxies cannot be '{text}': it must be {accepted}"
        )

    def test_streams_may_have_media_urls_of_their_own(self) -> None:
        settings = load_settings({"stream_media_urls": "alice=https://a.example/, bob=http://b.example/x"})
        found = [settings.media_urls.of(name) for name in ("alice", "bob", "carol")]
        assert found == ["https://a.example", "http://b.example/x", ""]

    @pytest.mark.parametrize("text", ["alice", "alice=a.example", "=https://a.example", "alice=https://a.example?b=c"])
    def test_a_media_url_that_is_none(self, text: str) -> None:
        accepted = "NAME=URL, with commas between them"
        assert refusal({"stream_media_urls": text}) == (
            f"flag: --stream-media-urls cannot be '{text}': it must be {accepted}"
        )

    def test_the_least_latency_is_not_above_the_most(self) -> None:
        assert refusal({"srt_min_latency_ms": 5000}) == (
            "flag: --srt-min-latency-ms cannot be '5000': it must be at most srt_max_latency_ms, which is 4000"
        )

    @pytest.mark.parametrize(
        ("given", "missing"), [("tls_certificate", "tls_private_key"), ("tls_private_key", "tls_certificate")]
    )
    def test_a_certificate_needs_its_key(self, given: str, missing: str) -> None:
        write_config(f"{given} = 'a.pem'\n")
        assert refusal() == f"pinkmedia.toml: {given} cannot be 'a.pem': it must be given together with {missing}"


RUNG = '[[ladder]]\nname = "720p"\nheight = 720\nkbps = 2500\n'
RUNG_KEYS = "name, height, max_fps, kbps, max_kbps, buffer_seconds, preset, codec, audio_kbps"


class TestLadder:
    def test_the_file_replaces_it_whole(self) -> None:
        write_config(RUNG + 'max_kbps = 3000\nbuffer_seconds = 2\npreset = "fast"\nmax_fps = 50\naudio_kbps = 96\n')
        template = RungTemplate("720p", 720, 50, 2_500_000, 3_000_000, 2.0, "fast", Codec.H264, 96_000)
        assert load_settings().tier_limits()[Tier.PARTNER].ladder.templates == (template,)

    def test_the_environment_has_it_as_json(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PINKMEDIA_LADDER", '[{"name": "500p", "height": 500, "kbps": 900}]')
        assert [rung.name for rung in load_settings().ladder] == ["500p"]
        monkeypatch.setenv("PINKMEDIA_LADDER", "500p")
        assert refusal() == (
            "environment: PINKMEDIA_LADDER cannot be read: it must be a list of 1 to 16 rungs, as JSON"
        )

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("ladder = 3\n", "ladder cannot be '3': it must be a list of 1 to 16 rungs"),
            ("ladder = []\n", "ladder cannot be '[]': it must be a list of 1 to 16 rungs"),
            ("ladder = [3]\n", "ladder cannot be '3': it must be a list of 1 to 16 rungs"),
            (RUNG + "kpbs = 1\n", f"ladder[0]: unknown key kpbs; known: {RUNG_KEYS}"),
            ("[[ladder]]\nheight = 720\nkbps = 2500\n", "ladder[0]: name is missing: it must be a text that begins"),
            (RUNG + RUNG.replace("720\n", "721\n"), "ladder[1].height cannot be '721': it must be an even number from"),
            (
                RUNG + 'preset = "best"\n',
                "ladder[0].preset cannot be 'best': it must be ultrafast, superfast, veryfast",
            ),
            (
                RUNG + "audio_kbps = 16\n",
                "ladder[0].audio_kbps cannot be '16': it must be a whole number from 32 to 320",
            ),
            (RUNG + 'codec = "vp8"\n', "ladder[0].codec cannot be 'vp8': it must be h264, hevc or av1"),
            (RUNG + 'codec = "av1"\n', "ladder cannot be read: it must be rungs of which at least one is in h264"),
            (
                RUNG + "max_kbps = 2000\n",
                "ladder[0].max_kbps cannot be '2000': it must be at least kbps, which is 2500",
            ),
            (RUNG + RUNG, "ladder[1].name cannot be '720p': it must be a name that no other rung has"),
            (RUNG.replace('"720p"', '"audio"'), "ladder[0].name cannot be 'audio': it must be a text that begins"),
        ],
    )
    def test_refusals_name_the_rung(self, text: str, complaint: str) -> None:
        write_config(text)
        assert refusal().startswith(f"pinkmedia.toml: {complaint}")


class TestFile:
    def test_broken_toml_tells_line_and_column(self) -> None:
        write_config("host = '::'\nhttp_port = \n")
        assert refusal() == "pinkmedia.toml: not valid TOML: Invalid value (at line 2, column 13)"

    def test_not_text(self) -> None:
        Path("pinkmedia.toml").write_bytes(b"host = '\xff'")
        assert refusal() == "pinkmedia.toml: not valid TOML: not UTF-8 text"

    def test_a_named_file_must_exist(self) -> None:
        assert refusal(config=Path("none.toml")) == "none.toml: cannot be read: No such file or directory"


class TestAddresses:
    def test_a_wildcard_is_shown_as_localhost(self) -> None:
        settings = Settings(host="::", http_port=1, rtmp_port=2)
        assert (settings.base_url, settings.rtmp_url) == ("http://localhost:1", "rtmp://localhost:2/live")

    def test_an_ipv6_address_is_shown_in_brackets(self) -> None:
        assert Settings(host="::1").base_url == "http://[::1]:8080"

    def test_the_public_url_names_the_host_for_publishers_too(self) -> None:
        settings = Settings(public_url="https://live.example.com/")
        assert settings.base_url == "https://live.example.com"
        assert settings.rtmp_url == "rtmp://live.example.com:1935/live"

    def test_publishers_are_told_the_host_that_they_have_reached_when_there_is_no_other(self) -> None:
        assert Settings(rtmp_port=2).ingest_urls("studio.example") == ["rtmp://studio.example:2/live"]
        assert Settings().ingest_urls("::1") == ["rtmp://[::1]:1935/live"]
        assert Settings(host="192.0.2.1").ingest_urls("studio.example") == ["rtmp://192.0.2.1:1935/live"]
        settings = Settings(public_url="https://live.example.com/")
        assert settings.ingest_urls("studio.example") == ["rtmp://live.example.com:1935/live"]


class TestTiers:
    def test_each_has_its_limits(self) -> None:
        settings = Settings(standard_max_kbps=6000, standard_max_height=1080, standard_max_fps=50)
        limits = settings.tier_limits()
        ladder = Ladder(DEFAULT_TEMPLATES, max_height=1080, max_fps=50)
        publish = PublishLimits(6_000_000, 3, 2)
        assert limits[Tier.STANDARD] == TierLimits(publish, ladder, is_transcoding=True, passthrough_bps=4_500_000)
        assert not limits[Tier.PASSTHROUGH].is_transcoding
        assert set(limits) == set(Tier)

    def test_an_ordinary_streamer_is_not_refused(self) -> None:
        """1080p60 at 6 Mb/s with sound, as OBS is usually set."""
        for limits in Settings().tier_limits().values():
            assert limits.publish.bit_rate_bps > 6_000_000 + 320_000


def test_rtmps_is_offered_first_where_there_is_some() -> None:
    settings = Settings(rtmps_port=443, tls_certificate=Path("a.pem"), tls_private_key=Path("b.pem"))
    assert settings.ingest_urls("studio.example") == [
        "rtmps://studio.example:443/live",
        "rtmp://studio.example:1935/live",
    ]


def test_every_key_says_what_it_accepts() -> None:
    assert {key: accepted_values(key) for key in ("transcode", "part_target_seconds", "log_level")} == {
        "transcode": "true or false",
        "part_target_seconds": "a number from 0.1 to 2",
        "log_level": "debug, info, warning or error",
    }
    assert all(map(accepted_values, Settings.model_fields))


def test_the_documented_table_is_up_to_date() -> None:
    script = ROOT / "scripts" / "document_configuration.py"
    check = subprocess.run([sys.executable, str(script), "--check"], env=clean_environment())
    assert check.returncode == 0, "run scripts/document_configuration.py"
