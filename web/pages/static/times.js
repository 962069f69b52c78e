// Times that the server wrote: local, as everywhere on the pages, with UTC in the title.

import { showMoment } from "./format.js";

for (const time of document.querySelectorAll("main time[datetime]")) showMoment(time, time.dateTime);
