// The documentation page: colours, filter, copying, and coming again when what it shows has changed. It sends nothing else.
"use strict";

const root = document.documentElement;

function stored(store, key, value) {
  try {
    if (value === undefined) return store.getItem(key);
    store.setItem(key, value);
  } catch { /* storage may be forbidden: the page does without */ }
  return null;
}

// Before the body is there, so that it is never seen in the wrong colours.
const wanted = stored(localStorage, "theme");
if (wanted) root.dataset.theme = wanted;

function theming() {
  document.getElementById("theme")?.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    stored(localStorage, "theme", root.dataset.theme);
  });
}

function filtering() {
  const field = document.getElementById("filter");
  if (!field) return;
  const links = [...document.querySelectorAll(".side li a[href^='#op-']")].map((link) => {
    const operation = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const text = (link.textContent + " " + operation.querySelector("summary").textContent).toLowerCase();
    return [link.parentElement, operation, text];
  });
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const [item, operation, text] of links) item.hidden = operation.hidden = !words.every((word) => text.includes(word));
    for (const group of document.querySelectorAll(".side section:not(.models), main .group")) {
      const members = [...group.querySelectorAll("li, .operation")].filter((one) => one.closest("ul") === null || group.closest(".side"));
      group.hidden = members.length > 0 && members.every((one) => one.hidden);
    }
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== field) { event.preventDefault(); field.focus(); }
  });
}

function linking() {
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
}

function copying() {
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.closest(".sample").querySelector("pre").textContent);
        button.textContent = "Copied";
      } catch { button.textContent = "Not allowed"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
}

function following() {
  const frame = document.querySelector("[data-revision]");
  if (!frame) return;
  const light = document.getElementById("live");
  const show = (text, lost) => { light.hidden = false; light.textContent = text; light.classList.toggle("lost-it", lost); };
  const opened = JSON.parse(stored(sessionStorage, "open") ?? "[]");
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  const look = async () => {
    try {
      const answer = await fetch(frame.dataset.state, { cache: "no-store" });
      const { revision } = await answer.json();
      show("live", false);
      if (String(revision) !== frame.dataset.revision) {
        const ids = [...document.querySelectorAll("details[open]")].map((one) => one.id);
        stored(sessionStorage, "open", JSON.stringify(ids));
        location.reload();
        return;
      }
    } catch { show("server stopped", true); }
    setTimeout(look, document.hidden ? 3000 : 700);
  };
  look();
}

addEventListener("DOMContentLoaded", () => { theming(); filtering(); linking(); copying(); following(); });
