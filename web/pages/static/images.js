// A list of images: its filter, its order, the list or the contact sheet, and the counts.

import { Problem, get, mayPass, whyFailed } from "./api.js";
import { apiQuery, cleared, countSet, isNarrowed, pageQuery, readFilter } from "./filter.js";
import { count } from "./format.js";
import { Picking } from "./picking.js";
import { fillRow, fillTile, newRow, newTile, useJobs, useLabels } from "./rows.js";
import { VirtualList } from "./virtual.js";
import { t, tn } from "./words.js";

const $ = (id) => document.getElementById(id);
const MANY_MS = 250; // between two letters of a search
const VIEW = "images-view";

/** The image was deleted: it has no place. */
function notThere(error) {
  if (error instanceof Problem && error.status === 404) return { position: null };
  throw error;
}

/** The first rows and counts, as the server wrote them into the page; null where it did not. */
export function firstOnPage() {
  const place = $("first");
  return place && JSON.parse(place.textContent);
}

export class ImageList {
  #base;
  #job;
  #filter = readFilter();
  #labels = [];
  #view = localStorage.getItem(VIEW) === "sheet" ? "sheet" : "list";
  #list;
  #isLoaded = false; // the rows are those of the filter
  #total = 0;
  #generation = 0;
  #onCounts;
  #onFailed;
  #onFilter;
  #typing = null;
  #picking;
  #first; // what came with the page: {items, tally}, until it is shown

  /** `onFilter()` is called when the address names another filter; `onCounts(filter)` is told when the images that are listed changed; `onFailed()` when some could
   * not be loaded: whoever polls then calls `refresh` until they are. `first`: see `firstOnPage`. */
  constructor({ onFilter = () => {}, onCounts = () => {}, onFailed, first = null }) {
    const { base, job } = $("image-list").dataset;
    this.#base = base;
    this.#job = job;
    this.#onCounts = onCounts;
    this.#onFailed = onFailed;
    this.#onFilter = onFilter;
    this.#first = first;
    this.#picking = new Picking({
      between: (first, last) => this.#items(first, last - first + 1),
      onChanged: () => this.refresh().catch(() => this.#onFailed()),
    });
    this.#useView();
    this.#listen();
    this.#showFilter();
  }

  get isLoaded() {
    return this.#isLoaded;
  }

  get filter() {
    return this.#filter;
  }

  /** A column and choices of the filter for each label, in the model's order. */
  setLabels(named) {
    if (named.length === this.#labels.length) return;
    const labels = named.map((one) => ({ ...one, name: t(one.name) }));
    this.#labels = labels;
    useLabels(labels);
    for (const select of [$("label-filter"), $("range-label")]) {
      const [any] = select.options;
      select.replaceChildren(any, ...labels.map(({ label, name }) => new Option(name, label)));
    }
    for (const old of document.querySelectorAll("#sort option[value^=probability], .share-head")) old.remove();
    for (const { label, name } of labels) {
      // Across jobs there are too many images for it.
      if (this.#job !== "all") $("sort").append(new Option(t("Probability of %(label)s", { label: name }), `probability:${label}`));
      const cell = document.createElement("span");
      cell.role = "columnheader";
      cell.className = "share-head";
      cell.textContent = name;
      document.querySelector(".images .head").append(cell);
    }
    $("images").style.setProperty("--share-columns", labels.length ? `repeat(${labels.length}, var(--share-width))` : "");
    this.#showFilter();
    this.#list.draw();
  }

  /** Load what the filter names, anew. Throws when it cannot; the rows are then none, not others. */
  async load() {
    this.#generation += 1;
    const generation = this.#generation;
    this.#isLoaded = false;
    this.#list.clear();
    $("no-images").hidden = true;
    $("list-loading").hidden = false;
    try {
      await Promise.all([this.#count(generation), this.#list.start()]);
      if (generation !== this.#generation) return;
      this.#isLoaded = true;
      this.#first = null;
      this.#showError(null);
      // Of a list that somebody asked for; as a job runs, its counts would be read out every second.
      $("found-spoken").textContent = $("found").textContent;
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#list.clear();
      this.#showError(error);
      throw error;
    } finally {
      if (generation === this.#generation) $("list-loading").hidden = true;
    }
  }

  /** Bring rows and counts up to date, where one is. Throws when it cannot. */
  async refresh() {
    if (!this.#isLoaded) return this.load();
    const generation = this.#generation;
    await Promise.all([this.#count(generation), this.#list.refresh()]);
    if (generation === this.#generation) this.#showError(null);
  }

  /** Scroll to the image that the address names, if it is in the list. */
  async showAddressed() {
    const [, id] = location.hash.match(/^#image-(\d+)$/) ?? [];
    if (!id) return;
    const query = new URLSearchParams(apiQuery(this.#filter));
    query.set("job", this.#job);
    const { position } = await get(`/api/v1/images/${id}/place?${query}`).catch(notThere);
    if (position === null) return;
    this.#list.scrollTo(position - 1);
    for (let tries = 0; tries < 50; tries++) {
      const row = $(`image-${id}`);
      if (row) {
        row.classList.add("returned");
        row.querySelector("a").focus({ preventScroll: true });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  #address = (image) => {
    const query = new URLSearchParams(apiQuery(this.#filter));
    query.set("job", this.#job);
    return `/images/${image.id}?${query}`;
  };

  #useView() {
    const isSheet = this.#view === "sheet";
    this.#list = new VirtualList(isSheet ? $("sheet") : $("rows"), {
      load: (offset, limit) => this.#items(offset, limit),
      newItem: (image) => {
        const element = (isSheet ? newTile : newRow)(image, this.#address);
        this.#picking.fill(element, image);
        return element;
      },
      fillItem: (element, image) => {
        (isSheet ? fillTile : fillRow)(element, image, this.#address);
        this.#picking.fill(element, image);
      },
      onError: (error) => {
        this.#showError(error);
        this.#onFailed();
      },
    });
    for (const button of document.querySelectorAll("[data-view]")) {
      button.ariaPressed = button.dataset.view === this.#view;
    }
  }

  async #items(offset, limit) {
    const query = `${apiQuery(this.#filter)}&offset=${offset}&limit=${limit}`;
    const isFirst = this.#first && offset === 0;
    const { items, jobs } = isFirst ? this.#first : await get(`/api/v1/${this.#path("images")}?${query}`);
    useJobs(jobs);
    return items;
  }

  #path(name) {
    if (this.#job !== "all") return `jobs/${this.#job}/${name}`;
    return name === "images" ? "images" : `images/${name}`;
  }

  async #count(generation) {
    const tally = this.#first?.tally ?? await get(`/api/v1/${this.#path("tally")}?${apiQuery(this.#filter)}`);
    if (generation !== this.#generation) return;
    this.#total = tally.total;
    this.#showCounts(tally);
    this.#list.setTotal(tally.total);
    this.#onCounts(this.#filter);
  }

  #showCounts({ total, statuses, labels, uncertain, ...tally }) {
    const atLeast = (number) => count(number) + (tally.counts_capped && number > 0 ? "+" : "");
    const all = Object.values(statuses).reduce((sum, one) => sum + one, 0);
    const numbers = { total: all, uncertain };
    for (const place of document.querySelectorAll("[data-count]")) {
      const { count: name } = place.dataset;
      const number = numbers[name] ?? statuses[name] ?? 0;
      place.textContent = atLeast(number);
      const chip = place.closest(".chip");
      chip.classList.toggle("idle", number === 0 && name !== "total" && chip.ariaPressed !== "true");
    }
    for (const option of $("label-filter").options) {
      if (!option.value) continue;
      const { name } = this.#labels.find((one) => one.label === option.value);
      option.textContent = `${name} (${atLeast(labels[option.value] ?? 0)})`;
    }
    $("found").textContent =
      tally.total_capped
        ? t("%(number)s images or more", { number: count(total) })
        : tn("%(num)s image", "%(num)s images", total);
    // The whole job has a button of its own.
    $("export").hidden = total === 0 || (this.#job !== "all" && !isNarrowed(this.#filter));
    $("images").hidden = total === 0 || this.#view !== "list";
    $("images").ariaRowCount = total + 1;
    $("sheet").hidden = total === 0 || this.#view !== "sheet";
    $("list-loading").hidden = true; // rows that are still to come say so in their place
    $("no-images").hidden = total > 0;
    $("no-images").textContent = this.#whyEmpty();
  }

  /** With the next step, where this reader can take one. */
  #whyEmpty() {
    if (isNarrowed(this.#filter)) return t("No images match this filter. Clear it to see all images.");
    const mayUpload = document.body.dataset.may.split(" ").includes("upload");
    return mayUpload
      ? t("There are no images yet. Upload X-rays on the page of jobs, or drop them here.")
      : t("There are no images yet. They appear here once your clinic uploads some.");
  }

  #showError(error) {
    $("list-error").hidden = !error;
    if (!error) return;
    const why = whyFailed(error);
    const text = mayPass(error) ? t("These images could not be loaded. %(why)s", { why }) : why;
    if ($("list-error").textContent !== text) $("list-error").textContent = text;
    if (!this.#isLoaded) {
      $("found").textContent = "";
      $("images").hidden = $("sheet").hidden = $("export").hidden = true;
      for (const place of document.querySelectorAll("[data-count]")) place.textContent = "";
    }
  }

  #listen() {
    for (const chip of document.querySelectorAll(".chip[data-status]")) {
      chip.addEventListener("click", () => this.#change({ status: chip.dataset.status }));
    }
    document.querySelector("[data-uncertain]").addEventListener("click", () => {
      this.#change({ uncertain: this.#filter.uncertain === "true" ? "" : "true" });
    });
    $("label-filter").addEventListener("change", (event) => this.#change({ label: event.target.value }));
    $("review-filter").addEventListener("change", (event) => this.#change({ review: event.target.value }));
    $("sort").addEventListener("change", (event) => this.#change({ sort: event.target.value }));
    $("search").addEventListener("input", (event) => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#change({ search: event.target.value.trim() }), MANY_MS);
    });
    for (const id of ["range-label", "range-min", "range-max"]) {
      $(id).addEventListener("change", () => this.#change(this.#range()));
    }
    for (const id of ["since", "until"]) {
      $(id).addEventListener("change", () => this.#change({
        uploaded_since: beginOf($("since").value),
        uploaded_until: beginOf($("until").value, 1),
      }));
    }
    // On a phone the filters would take the whole screen.
    $("fold").addEventListener("click", ({ currentTarget }) => {
      currentTarget.ariaExpanded = currentTarget.ariaExpanded !== "true";
    });
    $("clear-filter").addEventListener("click", () => this.#change(cleared(this.#filter)));
    for (const button of document.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => this.#changeView(button.dataset.view));
    }
    // Back from an image leads to its row, also with the browser's own button.
    $("image-list").addEventListener("click", (event) => {
      const item = event.target.closest("a") && event.target.closest(".item");
      if (item) history.replaceState(null, "", `${location.pathname}${location.search}#${item.id}`);
    });
    addEventListener("popstate", () => {
      const asked = readFilter();
      if (pageQuery(asked) === pageQuery(this.#filter)) return; // to another place of this page
      this.#filter = asked;
      this.#showFilter();
      this.#loadOrWait();
    });
  }

  /** What cannot be loaded now is loaded when the server is back. */
  #loadOrWait() {
    this.load().catch(() => this.#onFailed());
  }

  #range() {
    // An empty field is no limit.
    const share = (id) => Math.min(100, Math.max(0, Number($(id).value || $(id).defaultValue))) / 100;
    const [low, high] = [share("range-min"), share("range-max")];
    return {
      probability_of: $("range-label").value,
      min_probability: low > 0 ? String(low) : "",
      max_probability: high < 1 ? String(high) : "",
    };
  }

  #changeView(view) {
    if (view === this.#view) return;
    localStorage.setItem(VIEW, view);
    this.#view = view;
    this.#list.end();
    this.#useView();
    this.#loadOrWait();
  }

  #change(wanted) {
    Object.assign(this.#filter, wanted);
    this.#first = null;
    this.#picking.clear();
    history.replaceState(null, "", location.pathname + pageQuery(this.#filter));
    this.#onFilter();
    this.#showFilter();
    this.#loadOrWait();
  }

  #showFilter() {
    const filter = this.#filter;
    for (const chip of document.querySelectorAll(".chip[data-status]")) {
      chip.ariaPressed = chip.dataset.status === filter.status;
    }
    document.querySelector("[data-uncertain]").ariaPressed = filter.uncertain === "true";
    $("label-filter").value = filter.label;
    $("review-filter").value = filter.review;
    $("sort").value = filter.sort;
    if (document.activeElement !== $("search")) $("search").value = filter.search;
    $("range-label").value = filter.probability_of;
    $("range-min").value = Math.round(100 * (filter.min_probability || 0));
    $("range-max").value = Math.round(100 * (filter.max_probability || 1));
    $("range").open ||= filter.probability_of !== "";
    $("since").value = dayOf(filter.uploaded_since);
    $("until").value = dayOf(filter.uploaded_until, -1);
    $("dates").open ||= filter.uploaded_since !== "" || filter.uploaded_until !== "";
    const set = countSet(filter);
    $("filters-set").textContent = set ? t("%(number)s set", { number: count(set) }) : "";
    $("differs-from").textContent = t("The shadow model %(model)s calls them something else.", { model: filter.differs_from });
    $("differs-from").hidden = filter.differs_from === "";
    $("clear-filter").hidden = !isNarrowed(filter);
    const { base } = $("image-list").dataset;
    $("export").href = `${base}/results.csv?${apiQuery(filter)}`;
  }
}

/** day: of a date field, where the reader is. Returns: when it begins, or the day so many after it, as the
 * API is asked for it. */
function beginOf(day, after = 0) {
  if (!day) return "";
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + after).toISOString();
}

/** The other way round. */
function dayOf(moment, after = 0) {
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return "";
  at.setDate(at.getDate() + after);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
