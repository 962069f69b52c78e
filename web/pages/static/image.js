// One image: the attention map over the X-ray, and the keys to go through a job with.

import { FINISHED, Poller, Resource, SAME } from "./api.js";

const $ = (id) => document.getElementById(id);
const page = $("image").dataset;
const STEP = 10;

if (page.final === "false") {
  const resource = new Resource(`/api/v1/images/${page.image}`);
  new Poller(async () => {
    const image = await resource.get();
    if (image === null || image.status === "waiting" || image.status === "running") return SAME;
    location.reload();
    return FINISHED;
  }).wake();
}

$("xray")?.addEventListener("error", showNoPicture);
if ($("xray")?.complete && $("xray").naturalWidth === 0) showNoPicture();

const slider = $("opacity");
if (slider) {
  // The same setting for the next image: a reader goes through a job with one view.
  slider.value = sessionStorage.getItem("opacity") ?? slider.value;
  $("show-map").checked = sessionStorage.getItem("map") !== "off";
  slider.addEventListener("input", () => {
    $("show-map").checked = true;
    showMap();
  });
  $("show-map").addEventListener("change", showMap);
  for (const choice of document.querySelectorAll("input[name=map]")) {
    choice.checked ||= choice.value === sessionStorage.getItem("map-name");
    choice.addEventListener("change", () => {
      sessionStorage.setItem("map-name", choice.value);
      $("show-map").checked = true;
      showMap();
    });
  }
  showMap();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const inSlider = event.target === slider || event.target.type === "radio";
  if (event.key === "ArrowLeft" && !inSlider) $("previous")?.click();
  else if (event.key === "ArrowRight" && !inSlider) $("next")?.click();
  else if (event.key === "Escape") {
    event.preventDefault(); // while a picture loads, the browser would stop our navigation too
    $("up").click();
  } else if (slider && event.key.toLowerCase() === "a") $("show-map").click();
  else if (slider && (event.key === "+" || event.key === "-")) {
    slider.value = Number(slider.value) + (event.key === "+" ? STEP : -STEP);
    slider.dispatchEvent(new Event("input"));
  }
});

function showMap() {
  const isOn = $("show-map").checked;
  const chosen = document.querySelector("input[name=map]:checked");
  if (chosen && $("attention").getAttribute("src") !== chosen.dataset.src) {
    $("attention").src = chosen.dataset.src;
  }
  $("attention").style.opacity = isOn ? slider.value / 100 : 0;
  $("opacity-value").textContent = `${slider.value} %`;
  sessionStorage.setItem("opacity", slider.value);
  sessionStorage.setItem("map", isOn ? "on" : "off");
}

function showNoPicture() {
  $("pictures").hidden = true;
  $("full-size").hidden = true;
  $("no-picture").hidden = false;
}
