// One row of the table of images: built once, updated in place.

import { probability, showStatus } from "./format.js";

const HUES = 8; // in base.css
const template = document.getElementById("row");
const shareTemplate = document.getElementById("share");
let labels = []; // [{label, name}] in the model's order, a column each

/** From here on rows have a column for each of these labels; later ones only add to them. */
export function useLabels(newLabels) {
  labels = newLabels;
}

/** The columns of labels that a row does not have yet: it may be older than the first result. */
function addShares(row) {
  for (const { label, name } of labels.slice(row.querySelectorAll(".share").length)) {
    const share = shareTemplate.content.firstElementChild.cloneNode(true);
    share.classList.add(hue(label));
    share.querySelector(".share-name").textContent = name;
    row.append(share);
  }
}

const hue = (label) => `hue-${labels.findIndex((one) => one.label === label) % HUES}`;

export function newRow(image) {
  const row = template.content.firstElementChild.cloneNode(true);
  const link = row.querySelector(".file a");
  link.href = `/images/${image.id}${location.search}`;
  link.textContent = image.filename;
  link.title = image.filename;
  const picture = row.querySelector("img");
  picture.addEventListener("error", () => picture.remove(), { once: true });
  fillRow(row, image);
  return row;
}

/** Touches nothing when the image is as it was: no flicker, and the focus stays. */
export function fillRow(row, image) {
  const version = `${image.status} ${image.finished_at} ${labels.length}`;
  if (row.dataset.version === version) return;
  row.dataset.version = version;
  addShares(row);
  showStatus(row.querySelector(".state"), image.status);
  const picture = row.querySelector("img");
  // A worker saves it with the result.
  if (picture && !picture.src && image.status !== "waiting" && image.status !== "running") {
    picture.src = `/api/v1/images/${image.id}/preview.png?max_side=96`;
  }
  row.querySelector(".reason").textContent = image.message ?? "";
  const result = row.querySelector(".label");
  const found = labels.find((one) => one.label === image.result?.label);
  result.textContent = found?.name ?? "";
  result.className = `label ${found ? hue(found.label) : ""}`;
  row.querySelector(".uncertain").hidden = !image.result?.uncertain;
  row.classList.toggle("has-result", Boolean(image.result));
  const cells = row.querySelectorAll(".share");
  for (const [place, { label }] of labels.entries()) {
    const cell = cells[place];
    const share = image.result?.probabilities[label];
    cell.classList.toggle("likeliest", image.result?.label === label);
    cell.querySelector("progress").hidden = share === undefined;
    cell.querySelector("progress").value = share ?? 0;
    cell.querySelector(".numbers").textContent = share === undefined ? "" : probability(share);
  }
}
