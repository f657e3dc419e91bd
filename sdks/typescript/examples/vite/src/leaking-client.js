// This must not build: a secret has no business in a browser. Try it with: LEAKING=1 vite build
import { secrets } from "unspoken";

document.querySelector("output").textContent = secrets.SIGNING_KEY.expose();
