'use strict';
// Filters and search. Without scripts all controls are shown, and this bar is not.
const bar = document.getElementById('filter');
const search = document.getElementById('search');
const shown = document.getElementById('shown');
const boxes = [...bar.querySelectorAll('input[type=checkbox]')];
const controls = [...document.querySelectorAll('.control')];
const texts = new Map();

function textOf(control) {
  if (!texts.has(control)) texts.set(control, control.textContent.toLowerCase());
  return texts.get(control);
}

function chosen(name) {
  return new Set(boxes.filter((box) => box.name === name && box.checked).map((box) => box.value));
}

function filter() {
  const statuses = chosen('status');
  const severities = chosen('severity');
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const control of controls) {
    const fits = statuses.has(control.dataset.status) && severities.has(control.dataset.severity)
      && words.every((word) => textOf(control).includes(word));
    control.hidden = !fits;
    if (fits) count += 1;
  }
  shown.textContent = `${count} of ${controls.length} controls`;
}

for (const box of boxes) box.addEventListener('change', filter);
search.addEventListener('input', filter);
document.getElementById('open').addEventListener('click', () => { for (const one of controls) one.open = true; });
document.getElementById('close').addEventListener('click', () => { for (const one of controls) one.open = false; });

// Controls are printed open, which older browsers do not do by style.
let opened = [];
addEventListener('beforeprint', () => {
  opened = controls.filter((one) => !one.open);
  for (const one of opened) one.open = true;
});
addEventListener('afterprint', () => { for (const one of opened) one.open = false; });

bar.hidden = false;
filter();
