// What a list of images is asked for: kept in the address, which can be saved, sent and gone back to.

const DEFAULTS = {
  sort: "suspicion",
  status: "",
  label: "",
  uncertain: "",
  probability_of: "",
  min_probability: "",
  max_probability: "",
  search: "",
  review: "",
  uploaded_since: "",
  uploaded_until: "",
  differs_from: "",
};

/** search: of an address; of this page's, unless it is given. */
export function readFilter(search = location.search) {
  const asked = new URLSearchParams(search);
  return Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, usual]) => [name, asked.get(name) ?? usual]),
  );
}

/** What differs from the usual, as in the address of a page. */
export function pageQuery(filter) {
  const said = Object.entries(filter).filter(([name, wanted]) => wanted !== DEFAULTS[name]);
  const query = new URLSearchParams(said).toString();
  return query ? `?${query}` : "";
}

/** What the API is asked; its usual order is another one than that of the pages. */
export function apiQuery(filter) {
  const asked = { ...filter };
  if (!asked.probability_of) asked.min_probability = asked.max_probability = "";
  return new URLSearchParams(Object.entries(asked).filter(([, wanted]) => wanted !== "")).toString();
}

// Controls that are one filter to the reader.
const TOGETHER = {
  min_probability: "probability_of",
  max_probability: "probability_of",
  uploaded_until: "uploaded_since",
};

/** How many filters are set. */
export function countSet(filter) {
  const set = Object.keys(DEFAULTS).filter(
    (name) => name !== "sort" && filter[name] !== DEFAULTS[name],
  );
  return new Set(set.map((name) => TOGETHER[name] ?? name)).size;
}

export function isNarrowed(filter) {
  return countSet(filter) > 0;
}

export function cleared(filter) {
  return { ...DEFAULTS, sort: filter.sort };
}
