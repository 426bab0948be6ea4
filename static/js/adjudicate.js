// The lead's page: the clip with its spans. The decision itself is a form that htmx sends.

import { ClipDesk } from "./review-clip.js";

const desk = document.getElementById("desk");
new ClipDesk(desk).showSpans(JSON.parse(desk.dataset.spans));
