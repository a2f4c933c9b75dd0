// The quality menu: a button and a list of radio items (WAI-ARIA menu button pattern).

const AUTO = "Auto";

export class QualityMenu {
  #button;
  #menu;
  #onChoose;

  /** `onChoose` gets a level's name, or null for Auto. */
  constructor(button, menu, onChoose) {
    this.#button = button;
    this.#menu = menu;
    this.#onChoose = onChoose;
    button.addEventListener("click", () => this.#toggle(menu.hidden));
    menu.addEventListener("click", ({ target }) => this.#choose(target.closest("button")));
    menu.addEventListener("keydown", (event) => this.#onKey(event));
    document.addEventListener("pointerdown", ({ target }) => {
      if (!button.contains(target) && !menu.contains(target)) this.#toggle(false);
    });
  }

  /** Shows these levels (best first), the chosen one marked, and on the button what is played. */
  update(names, chosenName, playingName) {
    const wanted = [AUTO, ...names];
    const items = this.#items;
    if (wanted.join() !== items.map((item) => item.dataset.quality).join()) {
      this.#menu.replaceChildren(...wanted.map(createItem));
    }
    for (const item of this.#items) {
      item.setAttribute("aria-checked", String(item.dataset.quality === (chosenName ?? AUTO)));
    }
    this.#button.disabled = names.length === 0;
    this.#button.textContent = chosenName ?? (playingName ? `${AUTO} · ${playingName}` : AUTO);
  }

  get #items() {
    return [...this.#menu.children];
  }

  #toggle(isOpen) {
    this.#menu.hidden = !isOpen;
    this.#button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.#items.find((item) => item.getAttribute("aria-checked") === "true")?.focus();
  }

  #choose(item) {
    if (item === null) return;
    this.#toggle(false);
    this.#button.focus();
    this.#onChoose(item.dataset.quality === AUTO ? null : item.dataset.quality);
  }

  #onKey(event) {
    const items = this.#items;
    const at = items.indexOf(document.activeElement);
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    if (event.key in moves) items.at(moves[event.key] % items.length).focus();
    else if (event.key === "Escape") this.#close();
    else if (event.key === "Tab") this.#toggle(false);
    else return;
    if (event.key !== "Tab") event.preventDefault();
  }

  #close() {
    this.#toggle(false);
    this.#button.focus();
  }
}

function createItem(name) {
  const item = document.createElement("button");
  item.type = "button";
  item.role = "menuitemradio";
  item.tabIndex = -1;
  item.dataset.quality = name;
  item.textContent = name;
  return item;
}
