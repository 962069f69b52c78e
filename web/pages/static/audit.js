// The days of the filter begin at midnight here, as the times are shown: in summer at another time of UTC
// than in winter.

const $ = (name) => document.querySelector(`.audit-filter [name=${name}]`);

document.querySelector(".audit-filter").addEventListener("submit", () => {
  const day = $("since").value || $("until").value;
  const midnight = day ? new Date(`${day}T00:00`) : new Date();
  $("utc_offset").value = -midnight.getTimezoneOffset();
});
