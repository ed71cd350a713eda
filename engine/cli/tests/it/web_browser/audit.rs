//! What a page is asked for: names, roles, contrast, size, and that nothing sticks out.

/// A script that answers what is wrong with the page.
pub const AUDIT: &str = r"
const wrong = [];
const say = (what, element) => wrong.push(what + (element ? ': ' + element.outerHTML.slice(0, 160) : ''));
const shown = (element) => {
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  return box.width > 1 && box.height > 1 && style.visibility !== 'hidden' && !element.closest('.hidden, [hidden]');
};
const name = (element) => (element.getAttribute('aria-label') || element.textContent || element.title || '').trim();

if (document.documentElement.lang !== 'en') say('no language');
if (document.querySelectorAll('h1').length !== 1) say('not one h1');
if (document.querySelectorAll('main').length !== 1) say('not one main');
if (!document.title) say('no title');
const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) say('id twice: ' + id);
for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
  if (!field.labels.length && !field.getAttribute('aria-label')) say('a field without a label', field);
}
for (const element of document.querySelectorAll('a[href], button, summary')) {
  if (!element.closest('[aria-hidden=true]') && !name(element)) say('nothing to read out', element);
}
for (const th of document.querySelectorAll('th')) if (!th.scope) say('a header without scope', th);
for (const table of document.querySelectorAll('table')) if (!table.caption) say('a table without a caption', table);
for (const svg of document.querySelectorAll('svg')) if (!svg.getAttribute('aria-label')) say('a picture without words', svg);
for (const element of document.querySelectorAll('[style]')) say('an inline style', element);
for (const part of document.querySelectorAll('[aria-labelledby]')) {
  for (const id of part.getAttribute('aria-labelledby').split(' ')) if (!document.getElementById(id)) say('labelled by nothing', part);
}

if (document.documentElement.scrollWidth > innerWidth) {
  say('wider than the window: ' + document.documentElement.scrollWidth);
  for (const element of document.querySelectorAll('main *')) {
    if (element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.wide, .picture, pre, .top nav')) { say('sticks out', element); break; }
  }
}
for (const element of document.querySelectorAll('button, select, input:not([type=hidden]):not([type=checkbox]), nav a, summary, td a, th a')) {
  const box = element.getBoundingClientRect();
  if (shown(element) && !element.closest('svg') && box.height < 24) say('lower than 24 pixels (' + box.height + ')', element);
}

const channel = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const colour = (text) => {
  const numbers = (text.match(/[\d.]+/g) || []).map(Number);
  const scale = text.startsWith('color(') ? 1 : 255;
  return [numbers[0] / scale, numbers[1] / scale, numbers[2] / scale, numbers.length > 3 ? numbers[3] : 1];
};
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.unshift(colour(getComputedStyle(at).backgroundColor));
  return layers.reduce((under, layer) => over(layer, under), matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [1, 1, 1]);
};
const seen = new Set();
for (const element of document.querySelectorAll('body *:not(svg *):not(script)')) {
  if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()) || !shown(element)) continue;
  const style = getComputedStyle(element);
  const below = ground(element);
  const [a, b] = [light(over(colour(style.color), below)), light(below)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const key = style.color + below;
  if (ratio < 4.5 && !seen.has(key)) { seen.add(key); say('contrast of ' + ratio.toFixed(2), element); }
}
return wrong;
";
