// What a pointer that rests on something is told, for keys and fingers too: with the focus on it, or after a
// tap, the title of an element is shown beside it.

const GAP = 6; // pixels
const tip = document.createElement("div");
tip.className = "tip";
tip.popover = "manual";
tip.setAttribute("role", "tooltip");
document.body.append(tip);

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[title]:focus-visible") && tellsMore(target)) show(target);
});
document.addEventListener("focusout", hide);
document.addEventListener("click", ({ target }) => {
  const about = target.closest("[title]");
  // What does something when it is tapped does that, and no more.
  if (about && !about.closest("a, button, input, label, summary")) show(about);
  else hide();
});
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
addEventListener("scroll", hide, { passive: true, capture: true });

/** A name that is shown in full already need not be told. */
const tellsMore = (element) =>
  element.title !== element.textContent.trim() || element.scrollWidth > element.clientWidth;

function show(about) {
  tip.textContent = about.title;
  tip.showPopover();
  const { left, bottom, top } = about.getBoundingClientRect();
  const below = bottom + GAP + tip.offsetHeight <= innerHeight;
  tip.style.left = `${Math.max(GAP, Math.min(left, innerWidth - tip.offsetWidth - GAP))}px`;
  tip.style.top = `${below ? bottom + GAP : Math.max(GAP, top - GAP - tip.offsetHeight)}px`;
}

function hide() {
  if (tip.matches(":popover-open")) tip.hidePopover();
}
