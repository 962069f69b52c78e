// One row of the table of images: built once, updated in place.

import { LABEL_NAMES, probability, showStatus } from "./format.js";

const template = document.getElementById("row");

export function newRow(image) {
  const row = template.content.firstElementChild.cloneNode(true);
  const link = row.querySelector(".file a");
  link.href = `/images/${image.id}${location.search}`;
  link.textContent = image.filename;
  link.title = image.filename;
  const picture = row.querySelector("img");
  picture.addEventListener("error", () => picture.remove(), { once: true });
  picture.src = `/api/v1/images/${image.id}/preview.png?longest=96`;
  fillRow(row, image);
  return row;
}

/** Touches nothing when the image is as it was: no flicker, and the focus stays. */
export function fillRow(row, image) {
  const version = `${image.status} ${image.finished_at}`;
  if (row.dataset.version === version) return;
  row.dataset.version = version;
  showStatus(row.querySelector(".state"), image.status);
  row.querySelector(".reason").textContent = image.message ?? "";
  const label = row.querySelector(".label");
  label.textContent = image.result ? LABEL_NAMES[image.result.label] : "";
  label.className = `label ${image.result?.label ?? ""}`;
  row.querySelector(".uncertain").hidden = !image.result?.uncertain;
  row.classList.toggle("has-result", Boolean(image.result));
  for (const label of Object.keys(LABEL_NAMES)) {
    const cell = row.querySelector(`.share.${label}`);
    const share = image.result?.probabilities[label];
    cell.classList.toggle("likeliest", image.result?.label === label);
    cell.querySelector("progress").hidden = share === undefined;
    cell.querySelector("progress").value = share ?? 0;
    cell.querySelector(".numbers").textContent = share === undefined ? "" : probability(share);
  }
}
