// Every image of the clinic, across its jobs.

import { Poller, SAME } from "./api.js";
import { ImageList, firstOnPage } from "./images.js";
import { startUploads } from "./upload.js";
import { showCurrent, startViews } from "./views.js";

const list = new ImageList({ first: firstOnPage(), onFilter: showCurrent, onFailed: () => poller.wake() });
let isFirst = true;

list.setLabels(JSON.parse(document.getElementById("clinic").dataset.labels));
startUploads();
startViews();

const poller = new Poller(async () => {
  await list.refresh();
  if (isFirst) await list.showAddressed();
  isFirst = false;
  return SAME;
});
poller.wake();
