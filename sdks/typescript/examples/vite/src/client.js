// What the browser gets: no import of `unspoken`, or the build fails.
const answer = await fetch("/sign?text=hello");
document.querySelector("output").textContent = await answer.text();
