// The keys of a list: to walk through it, to select in it, to search it.

const $ = (id) => document.getElementById(id);

/** place: holds the items of the class `item`, each with a link. search: the field's id. toggle(item, isRange):
 * select the item or not; isRange: all from the last one to it. none(): select none; returns whether any
 * was selected. */
export function listenToKeys({ place, search, toggle, none }) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog:modal:not(#keys)")) return; // the keys are for it
    if ($("keys").open) {
      if (event.key === "?") $("keys").close();
      return;
    }
    if (event.target.matches("textarea, select, input:not([type=checkbox])")) return;
    const item = event.target.closest?.(".item");
    const key = event.key.toLowerCase();
    if (key === "x" && item) toggle(item, event.shiftKey);
    else if (key === "j" || key === "k") walk(place, item, key === "j" ? 1 : -1);
    else if (key === "/" && isShown($(search))) $(search).focus();
    else if (key === "?") $("keys").showModal();
    else if (key !== "escape" || !none()) return;
    event.preventDefault();
  });
}

/** The item after the one with the focus, or before it; without any, the first on the screen. */
function walk(place, item, by) {
  const items = [...place.querySelectorAll(".item")];
  const onScreen = (one) => one.getBoundingClientRect().top >= 0;
  const next = item ? items[items.indexOf(item) + by] : items.find(onScreen);
  next?.querySelector("a").focus();
  next?.scrollIntoView({ block: "nearest" });
}

const isShown = (element) => element.checkVisibility();
