// What the page does in the browser beyond Gradio; each file is one thing.
import "./actions.js";
import "./address.js";
import "./copying.js";
import "./evidence.js";
import "./following.js";
import "./fields.js";
import "./focus.js";
import "./hover.js";
import "./live.js";
import "./map.js";
import "./notes.js";
import "./renaming.js";
import "./rows.js";
