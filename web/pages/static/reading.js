// How a job is read: blind or not, by one reader or two.

import { put, whyNot } from "./api.js";

choice("blind", (isChecked) => ({ blind: isChecked }));
choice("two-readers", (isChecked) => ({ readers: isChecked ? 2 : 1 }), "readers");

function choice(id, body, resource = id) {
  const box = document.getElementById(id);
  box?.addEventListener("change", async () => {
    const said = document.getElementById("job-error");
    try {
      const { job } = document.getElementById("job").dataset;
      await put(`/api/v1/jobs/${job}/${resource}`, body(box.checked));
      location.reload(); // what the rows show depends on it
    } catch (error) {
      box.checked = !box.checked;
      said.textContent = whyNot(error);
      said.hidden = false;
    }
  });
}
