// Puts what was saved into the page. Cells that did not change stay the very same elements, so that
// the page keeps its place, its pictures and what the reader has selected.
"use strict";

const page = document.querySelector("main[data-notebook]");
const problems = document.getElementById("problems");
const title = document.title;
let filesAtFirst = null;

function cellsOf(state) {
  const box = document.createElement("template");
  box.innerHTML = state.cells.join("");
  if (state.files !== filesAtFirst) {
    // A browser shows a picture of the same address from memory, whatever is on the disk.
    for (const picture of box.content.querySelectorAll("img[src]")) {
      const source = picture.getAttribute("src");
      if (!/^[a-z]+:/i.test(source)) picture.setAttribute("src", `${source}?${state.files.slice(0, 12)}`);
    }
  }
  return [...box.content.children];
}

const bare = (cell) => cell.outerHTML.replace(/ changed"/, '"');
const same = (one, other) => one && other && bare(one) === bare(other);

function show(state) {
  filesAtFirst ??= state.files;
  const old = [...page.children];
  const fresh = cellsOf(state);
  let begin = 0;
  while (begin < old.length && begin < fresh.length && same(old[begin], fresh[begin])) begin += 1;
  let oldEnd = old.length, freshEnd = fresh.length;
  while (oldEnd > begin && freshEnd > begin && same(old[oldEnd - 1], fresh[freshEnd - 1])) {
    oldEnd -= 1;
    freshEnd -= 1;
  }
  const next = old[oldEnd] ?? null;
  const place = window.scrollY;
  for (const cell of fresh.slice(begin, freshEnd)) {
    cell.classList.add("changed");
    page.insertBefore(cell, next);
  }
  for (const cell of old.slice(begin, oldEnd)) cell.remove();
  if (oldEnd > begin && window.scrollY !== place && next === null) window.scrollTo(0, place);
  problems.innerHTML = state.problems;
  document.title = state.problems ? `✗ ${title}` : title;
  page.dataset.version = state.version;
}

if (page) {
  const events = new EventSource(`../.preview/events/${page.dataset.notebook}`);
  events.onmessage = (event) => show(JSON.parse(event.data));
  events.onerror = () => {
    problems.textContent = "The preview has ended. Start it again with 'deltarule build --watch', and open the new address.";
  };
}
