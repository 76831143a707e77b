// The keyboard, the copy buttons and the sidebar's width: what needs no server and must not wait for one.
(() => {
  "use strict";
  const root = document.documentElement;
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  if (isMac) root.setAttribute("data-mac", ""); // ⌘ there, Ctrl elsewhere: see .fb-key-mod
  const GO_MS = 900;
  let goUntil = 0;

  // ---- the sidebar's width, remembered per kind of page ----
  const railKey = (kind) => `fb-rail-${kind}`;
  const kindOfPage = () => document.querySelector(".fb-shell")?.dataset.kind || "page";
  for (const kind of ["page", "editor"]) {
    const kept = safely(() => localStorage.getItem(railKey(kind)));
    if (kept) root.setAttribute(`data-rail-${kind}`, kept);
  }
  function toggleRail() {
    const kind = kindOfPage();
    const name = `data-rail-${kind}`;
    const isRail = (root.getAttribute(name) || (kind === "editor" ? "on" : "off")) === "on";
    root.setAttribute(name, isRail ? "off" : "on");
    safely(() => localStorage.setItem(railKey(kind), isRail ? "off" : "on"));
    window.dispatchEvent(new Event("resize")); // charts measure themselves again
  }
  function safely(action) {
    try { return action(); } catch { return null; } // storage can be forbidden; the width is then not remembered
  }

  // ---- pressing ----
  const visible = (element) => element && element.getClientRects().length > 0 && !element.disabled;
  const press = (name) => document.querySelector(`[data-fb-trigger="${name}"]`)?.click();
  const pressKey = (key) => {
    const open = [...document.querySelectorAll('.fb-dialog[data-state="open"]')].at(-1); // what lies under a dialog hears no keys
    const target = [...(open ?? document).querySelectorAll(`[data-fb-key="${key}"]`)].find(visible);
    target?.click();
    return Boolean(target);
  };

  // ---- copying ----
  async function copy(button) {
    const text = button.getAttribute("data-fb-copy");
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea"); // plain http on another host has no clipboard API
      area.value = text;
      area.style.position = "fixed";
      area.style.opacity = "0";
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.setAttribute("data-copied", "");
    setTimeout(() => button.removeAttribute("data-copied"), 1400);
  }

  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-fb-press], [data-fb-rail], [data-fb-copy], [data-fb-reveal]");
    if (!target) return;
    if (target.hasAttribute("data-fb-copy")) { event.preventDefault(); event.stopPropagation(); copy(target); return; }
    if (target.hasAttribute("data-fb-rail")) toggleRail();
    if (target.hasAttribute("data-fb-reveal")) reveal(target);
    if (target.hasAttribute("data-fb-press")) press(target.getAttribute("data-fb-press"));
  });

  // A plain form that was sent: its button turns until the next page stands there, or until one comes back to this one.
  document.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("data-fb-submit")) event.submitter.setAttribute("data-busy", "true");
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted)
      for (const button of document.querySelectorAll("[data-fb-submit]")) button.setAttribute("data-busy", "false");
  });

  // A file that is too large is not sent: the server would refuse it in the middle, and the browser would show no page.
  document.addEventListener("change", (event) => {
    const most = Number(event.target.getAttribute?.("data-fb-most"));
    if (!most) return;
    const isTooLarge = [...event.target.files].some((file) => file.size > most);
    event.target.setCustomValidity(isTooLarge ? event.target.getAttribute("data-fb-too-large") : "");
    event.target.reportValidity();
  });

  // A link in the drawer or the palette closes it.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".fb-drawer a"))
      setTimeout(() => document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));
  });

  function reveal(button) {
    const field = document.getElementById(button.getAttribute("data-fb-reveal"));
    if (!field) return;
    field.type = field.type === "password" ? "text" : "password";
    button.setAttribute("aria-pressed", String(field.type === "text"));
  }

  // ---- rows and lists ----
  function step(items, by) {
    const shown = items.filter(visible);
    if (!shown.length) return;
    const at = shown.indexOf(document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, at + by));
    shown[next].focus();
    shown[next].scrollIntoView({ block: "nearest" });
  }
  function moveInList(event) {
    const list = document.querySelector("[data-fb-list]");
    const input = document.querySelector("[data-fb-list-input]");
    if (!list || !input || !(event.target === input || list.contains(event.target))) return false;
    const links = [...list.querySelectorAll("a[href]")];
    if (event.key === "ArrowDown") { step(links, 1); return true; }
    if (event.key === "ArrowUp") {
      if (document.activeElement === links[0]) input.focus(); else step(links, -1);
      return true;
    }
    if (event.key === "Enter" && event.target === input) { links[0]?.click(); return true; }
    return false;
  }

  // ---- what opens and what is chosen ----
  const OPEN_DIALOG = '[role="dialog"][data-state="open"]';
  let before = null; // what had the focus outside dialogs
  document.addEventListener("focusin", (event) => {
    if (!event.target.closest('[role="dialog"]')) before = event.target;
  });

  // A dialog without a trigger of its own gives the focus to nobody when it closes: it goes back where it came from.
  function giveBack(tries = 180) {
    if (document.querySelector(OPEN_DIALOG)) return;
    if (document.activeElement === document.body) { if (before?.isConnected) before.focus({ preventScroll: true }); return; }
    if (tries && document.activeElement?.closest('[role="dialog"]')) requestAnimationFrame(() => giveBack(tries - 1));
  }
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target.matches('.fb-dialog[data-state="closed"]')) requestAnimationFrame(() => giveBack());
      // Tabs that do not fit: the chosen one is in view.
      else if (target.matches('.fb-scroll-x .rt-SegmentedControlItem[data-state="on"]')) target.scrollIntoView({ block: "nearest", inline: "center" });
    }
  }).observe(document.documentElement, { subtree: true, attributeFilter: ["data-state"] });

  // ---- dialogs: Enter in a line of text presses the primary button, as it does in a form ----
  const LINES = 'input:is([type="text"], [type="email"], [type="number"], [type="password"], [type="date"], [type="url"], :not([type]))';
  function finishesDialog(event) {
    if (event.key !== "Enter" || event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
    const line = event.target.closest?.(LINES);
    const dialog = line?.closest('.fb-dialog[data-state="open"]');
    if (!dialog || line.closest('form, [role="combobox"], [data-fb-list], .fb-filter')) return false;
    const primary = dialog.querySelector(".fb-dialog-foot .fb-button.fb-solid:not(:disabled)");
    primary?.click();
    return Boolean(primary);
  }

  // ---- keys ----
  const typing = (element) =>
    element?.closest?.('input:not([type="range"]):not([type="checkbox"]):not([type="radio"]), textarea, select, [contenteditable="true"]');

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (moveInList(event)) { event.preventDefault(); return; }
    if (finishesDialog(event)) { event.preventDefault(); return; }
    const mod = isMac ? event.metaKey : event.ctrlKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (mod && !event.altKey && !event.shiftKey) {
      if (key === "k") { event.preventDefault(); press("palette"); return; }
      const named = { Enter: "mod+enter", s: "mod+s" }[key];
      if (named && pressKey(named)) event.preventDefault();
      return;
    }
    if (mod || event.altKey || event.ctrlKey || event.metaKey || typing(event.target)) return;
    if (document.querySelector(OPEN_DIALOG)) return;
    if (single(key, event)) event.preventDefault();
  });

  function single(key, event) {
    if (Date.now() < goUntil) {
      goUntil = 0;
      const link = [...document.querySelectorAll(`[data-fb-go="${CSS.escape(key)}"]`)][0];
      if (link) { link.click(); return true; }
    }
    switch (key) {
      case "g": goUntil = Date.now() + GO_MS; return true;
      case "[": toggleRail(); return true;
      case "?": press("shortcuts"); return true;
      case "/": { const field = document.querySelector("[data-fb-filter]"); field?.focus(); return Boolean(field); }
      case "j": step([...document.querySelectorAll("[data-fb-row]")], 1); return true;
      case "k": step([...document.querySelectorAll("[data-fb-row]")], -1); return true;
      default: return key.length === 1 && !event.repeat && pressKey(key);
    }
  }
})();
