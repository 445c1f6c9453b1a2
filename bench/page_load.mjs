#!/usr/bin/env node
// page_load.mjs URL [--runs N] [--query WORDS] [--output table|jsonl]
// How long it takes from opening a link with words (URL/?q=WORDS) until the first hit is painted, and how much of the
// page comes over the wire: a served workspace, Debian's Chromium without a window, nothing cached at the start of a run.
//
//   build/warifu serve --workspace WS & node bench/page_load.mjs http://127.0.0.1:8080 --query "blue shirt"
//
// Environment: NODE_PATH where playwright-core lies (else build/web/node_modules, web/node_modules); CHROMIUM.
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '5' }, query: { type: 'string', default: 'blue shirt' }, output: { type: 'string', default: 'table' } },
});
const [url] = positionals;
const runs = Number(values.runs);
if (!url || !(runs >= 1) || !['table', 'jsonl'].includes(values.output)) {
  console.error('usage: page_load.mjs URL [--runs N] [--query WORDS] [--output table|jsonl]');
  process.exit(2);
}

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const paths = [...(process.env.NODE_PATH ?? '').split(':').filter(Boolean), `${root}/build/web`, `${root}/web`];
const { chromium } = require(require.resolve('playwright-core', { paths }));

// Runs in the page before anything else does: when the first hit, and its picture, were on the screen. A change to the
// document is painted at the end of the frame in which it was made; what is posted from that frame comes after.
function watchHits() {
  window.seen = {};
  const painted = name => requestAnimationFrame(() => setTimeout(() => (window.seen[name] ??= performance.now())));
  const look = () => {
    const card = document.querySelector('#main ol > li');
    if (card && !look.found) {
      look.found = true;
      painted('hit');
    }
    const image = card?.querySelector('img');
    if (image?.complete && image.naturalWidth > 0) painted('picture');
    if (!window.seen.picture && performance.now() < 10_000) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

const kKinds = { Document: 'html', Stylesheet: 'css', Script: 'js', Fetch: 'answers', XHR: 'answers' };
const kPage = ['html', 'css', 'js', 'icon'];

function kindOf({ type, response }) {
  if (new URL(response.url).pathname.startsWith('/v1/')) return type === 'Image' ? 'thumbnails' : 'answers';
  return kKinds[type] ?? 'icon';
}

async function measure(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(watchHits);
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  await network.send('Network.setCacheDisabled', { cacheDisabled: true });
  const kinds = new Map();
  const bytes = {};
  network.on('Network.responseReceived', event => kinds.set(event.requestId, kindOf(event)));
  network.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId);
    if (kind) bytes[kind] = (bytes[kind] ?? 0) + encodedDataLength;
  });
  await page.goto(`${url.replace(/\/$/, '')}/?q=${encodeURIComponent(values.query)}`);
  await page.waitForFunction(() => window.seen.hit);
  await page.waitForFunction(() => window.seen.picture, undefined, { timeout: 10_000 }).catch(() => {});
  await page.waitForLoadState('networkidle');
  const seen = await page.evaluate(() => window.seen);
  await context.close();
  return { hit_ms: seen.hit, picture_ms: seen.picture ?? null, page_bytes: kPage.reduce((sum, kind) => sum + (bytes[kind] ?? 0), 0), bytes };
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
await measure(browser); // the browser's own first page, which is not ours to measure
const all = [];
for (let run = 0; run < runs; ++run) {
  all.push(await measure(browser));
  if (values.output === 'jsonl') console.log(JSON.stringify({ type: 'run', run: run + 1, query: values.query, ...all[run] }));
}
await browser.close();

const sorted = name => all.map(run => run[name]).filter(value => value !== null).sort((a, b) => a - b);
const median = list => (list.length === 0 ? NaN : (list[(list.length - 1) >> 1] + list[list.length >> 1]) / 2);
const hit = sorted('hit_ms');
const picture = sorted('picture_ms');
if (values.output === 'jsonl') {
  console.log(JSON.stringify({ type: 'summary', runs, hit_ms_median: median(hit), hit_ms_max: hit.at(-1), picture_ms_median: median(picture), picture_ms_max: picture.at(-1) ?? null, page_bytes: all[0].page_bytes }));
} else {
  const ms = value => (value === undefined || Number.isNaN(value) ? '-' : `${Math.round(value)} ms`).padStart(9);
  const kib = value => `${(value / 1024).toFixed(1)} KiB`.padStart(12);
  console.log(`${runs} cold openings of ?q=${values.query}      median      most`);
  console.log(`first hit on the screen       ${ms(median(hit))} ${ms(hit.at(-1))}`);
  console.log(`its picture on the screen     ${ms(median(picture))} ${ms(picture.at(-1))}`);
  console.log(`\nover the wire, with headers`);
  for (const kind of [...kPage, 'answers', 'thumbnails'].filter(one => all[0].bytes[one])) console.log(`${kind.padEnd(12)}${kib(all[0].bytes[kind])}`);
  console.log(`the page    ${kib(all[0].page_bytes)}   (all but answers and thumbnails)`);
}
