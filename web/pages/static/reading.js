// How a job is read: how many of its results are reviewed, and whether blind.

import { put } from "./api.js";

const box = document.getElementById("blind");
box?.addEventListener("change", async () => {
  const said = document.getElementById("job-error");
  try {
    const { job } = document.getElementById("job").dataset;
    await put(`/api/v1/jobs/${job}/blind`, { blind: box.checked });
    location.reload(); // what the rows show depends on it
  } catch (error) {
    box.checked = !box.checked;
    said.textContent = error.message;
    said.hidden = false;
  }
});
