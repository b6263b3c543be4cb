// One feature: its configuration and its test bench.

import { configure } from "./feature_configure.js";
import { bench } from "./feature_bench.js";

const choices = JSON.parse(document.getElementById("choices").textContent);
const form = document.getElementById("configure-form");
if (form) configure(form, choices);
bench(choices);
