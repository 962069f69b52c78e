// One image in a list: as a row of the table, or as a tile of the contact sheet. Built once, updated
// in place.

import { IMAGE_STATUS_NAMES, moment, probability, showStatus } from "./format.js";
import { isSeen } from "./seen.js";
import { reasonText, t } from "./words.js";

const HUES = 8; // in base.css
const [AGAIN_MS, LONGEST_MS] = [2000, 15000]; // until a picture is asked for again
const rowTemplate = document.getElementById("row");
const shareTemplate = document.getElementById("share");
const tileTemplate = document.getElementById("tile");
const { job, refusedByGate } = document.getElementById("image-list").dataset;
const isAcrossJobs = job === "all";
const readable = refusedByGate.split(" "); // reasons of what was decoded before it was refused
const jobNames = new Map(); // by number
let labels = []; // [{label, name}] in the model's order, a column each

/** From here on rows have a column for each of these labels; later ones only add to them. */
export function useLabels(newLabels) {
  labels = newLabels;
}

/** What the jobs are called that images of a list are of. */
export function useJobs(jobs) {
  for (const { id, name } of jobs) jobNames.set(id, name);
}

/** The columns of labels that a row does not have yet: it may be older than the first result. */
function addShares(row) {
  for (const { label } of labels.slice(row.querySelectorAll(".share").length)) {
    const share = shareTemplate.content.firstElementChild.cloneNode(true);
    share.classList.add(hue(label));
    row.append(share);
  }
}

export const hue = (label) => `hue-${labels.findIndex((one) => one.label === label) % HUES}`;
const labelName = (label) => labels.find((one) => one.label === label)?.name ?? label;

export function newRow(image, address) {
  const row = rowTemplate.content.firstElementChild.cloneNode(true);
  const link = row.querySelector(".file a");
  begin(row, link, image, address);
  showName(link, image.filename);
  link.ariaLabel = image.filename; // its two parts would be read with a gap
  fillRow(row, image, address);
  return row;
}

export function newTile(image, address) {
  const tile = tileTemplate.content.firstElementChild.cloneNode(true);
  begin(tile, tile.querySelector("a"), image, address);
  showName(tile.querySelector(".tile-name"), image.filename);
  fillTile(tile, image, address);
  return tile;
}

/** In two parts, so that where there is little room the folder is cut short: it is the same in many rows. */
function showName(element, filename) {
  const ofName = filename.lastIndexOf("/") + 1;
  element.querySelector(".folder").textContent = filename.slice(0, ofName);
  element.querySelector(".leaf").textContent = filename.slice(ofName);
}

function begin(element, link, image, address) {
  element.id = `image-${image.id}`;
  link.href = address(image);
  link.title = image.filename;
  const picture = element.querySelector("img");
  picture.addEventListener("error", () => tryPicture(picture));
}

/** There is no picture, or the server is unreachable or busy: then it is asked for again. */
async function tryPicture(picture) {
  const answer = await fetch(picture.src, { cache: "no-store" }).catch(() => null);
  const tried = Number(picture.dataset.tried ?? 0) + 1;
  picture.dataset.tried = tried;
  const isUnreachable = answer === null || answer.status === 429 || answer.status >= 500;
  if (!isUnreachable && (!answer.ok || tried > 1)) return picture.remove();
  setTimeout(() => picture.isConnected && (picture.src = picture.src), Math.min(AGAIN_MS * tried, LONGEST_MS));
}

/** Touches nothing when the image is as it was: no flicker, and the focus stays. */
function isSame(element, image) {
  // The day: a time of today is written without its date.
  const day = new Date().toDateString();
  const version = `${image.status} ${image.finished_at} ${isSeen(image.id)} ${labels.length} ${nameOfJob(image)} ${day}`;
  if (element.dataset.version === version) return true;
  element.dataset.version = version;
  return false;
}

/** `pixels`: of the picture's longest side. */
function fill(element, image, pixels) {
  showStatus(element.querySelector(".state"), image.status, IMAGE_STATUS_NAMES);
  const picture = element.querySelector("img");
  // A worker saves it with the result.
  if (picture && !picture.src && canBeShown(image)) {
    picture.src = `/api/v1/images/${image.id}/preview.jpg?max_side=${pixels}`;
  }
  element.classList.toggle("without-picture", hasEnded(image) && !canBeShown(image));
  const { result } = image;
  const label = element.querySelector(".label");
  label.textContent = result ? labelName(result.label) : "";
  label.className = `label ${result ? hue(result.label) : ""}`;
  element.querySelector(".uncertain").hidden = !result?.uncertain;
  element.querySelector(".seen").hidden = !isSeen(image.id);
  element.classList.toggle("is-seen", isSeen(image.id));
  element.classList.toggle("has-result", Boolean(result));
}

const hasEnded = ({ status }) => status !== "waiting" && status !== "running";

/** Of what the decoder refused there is none, and asking would be an error. */
const canBeShown = ({ status, reason }) =>
  status === "done" || (status === "rejected" && readable.includes(reason));

export function fillRow(row, image, address) {
  row.querySelector(".file a").href = address(image);
  if (isSame(row, image)) return;
  addShares(row);
  fill(row, image, 96);
  if (isAcrossJobs) showJob(row.querySelector(".of-job"), image);
  row.querySelector(".concerns").textContent = about(image);
  row.querySelector(".reason").textContent = reasonText(image);
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

const nameOfJob = ({ job_id }) => jobNames.get(job_id) ?? "";

function showJob(link, image) {
  const name = nameOfJob(image);
  link.hidden = !name;
  link.textContent = link.title = name;
  link.href = `/jobs/${image.job_id}`;
}

/** Whose film it is, as far as its file says so, and of which study. Across jobs also when it came. */
function about(image) {
  const parts = [];
  if (image.patient) parts.push(t("Patient %(number)s", { number: image.patient }));
  if (image.accession) parts.push(t("Accession %(number)s", { number: image.accession }));
  if (isAcrossJobs) parts.push(t("Uploaded %(time)s", { time: moment(image.created_at) }));
  return parts.join(" · ");
}

export function fillTile(tile, image, address) {
  tile.querySelector("a").href = address(image);
  if (isSame(tile, image)) return;
  fill(tile, image, 256);
  if (isAcrossJobs) tile.querySelector(".tile-job").textContent = nameOfJob(image);
  const { result } = image;
  // The label says that it is done.
  tile.querySelector(".state").hidden = Boolean(result);
  tile.querySelector(".numbers").textContent = result ? probability(result.probabilities[result.label]) : "";
  tile.querySelector(".tile-result").className = `tile-result ${result ? hue(result.label) : ""}`;
}
