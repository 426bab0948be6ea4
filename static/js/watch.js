// A clip to watch with all the player's keys and nothing else to send.

import { ClipDesk } from "./review-clip.js";

new ClipDesk(document.getElementById("desk"));
