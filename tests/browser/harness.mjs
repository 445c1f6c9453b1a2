// What the browser tests stand on: a small workspace, the program that serves it and its page, and Debian's Chromium,
// driven as a person would drive it. Only playwright-core and axe-core come from npm; neither brings a browser.
//
// Environment: WARIFU the program; DATA the folder of drawn fixtures (tests/CMakeLists.txt); NODE_PATH where
// playwright-core and axe-core lie; CHROMIUM the browser; SCREENSHOTS the folder for pictures of what was seen.
// What is missing is said in one line, and the file ends with status 77: skipped.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test, { after } from 'node:test';
import assert from 'node:assert/strict';

const { env } = process;
const WARIFU = env.WARIFU ?? 'build/release/bin/warifu';
const DATA = env.DATA ?? 'build/release/tests/fixtures';
const CHROMIUM = env.CHROMIUM ?? '/usr/bin/chromium';
const SCREENSHOTS = env.SCREENSHOTS ?? 'build/release/browser-screenshots';

// require() looks where NODE_PATH says; import does not.
const require = createRequire(import.meta.url);

function skipFile(reason) {
  console.log(`skipped: ${reason}`);
  process.exit(77);
}

function fromNpm(name) {
  try {
    return require.resolve(name);
  } catch {
    return skipFile(`${name} is not where NODE_PATH says; 'npm ci' in web/ brings it`);
  }
}

if (!existsSync(CHROMIUM)) skipFile(`there is no browser at ${CHROMIUM}; apt-get install chromium`);
const { chromium } = require(fromNpm('playwright-core'));
const axePath = fromNpm('axe-core');

// ---- the workspace ----

export const picture = name => path.join(DATA, 'pictures', name);
export const badPicture = name => path.join(DATA, 'bad', name);

// The work is small: one thread a program does it sooner than two that wait for each other beside a browser.
const alone = { ...env, OMP_NUM_THREADS: '1' };

/** One command of the program on a workspace; its standard output. */
export function warifu(workspace, ...args) {
  const done = spawnSync(WARIFU, ['--workspace', workspace, ...args], { encoding: 'utf8', env: alone });
  if (done.status !== 0 && done.status !== 1) throw new Error(`warifu ${args.join(' ')}: status ${done.status}\n${done.stderr}`);
  return done.stdout;
}

const folders = [];

export function freshFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'warifu-browser-'));
  folders.push(folder);
  return folder;
}

let first; // the workspace that the others of this file are copies of

/** Sixty drawn pictures, half of them with English and half with Japanese texts; codes of 16 bits, calibrated. */
export function makeWorkspace() {
  first ??= trainWorkspace();
  const workspace = path.join(freshFolder(), 'ws');
  cpSync(first, workspace, { recursive: true });
  return workspace;
}

function trainWorkspace() {
  const workspace = path.join(freshFolder(), 'ws');
  warifu(workspace, 'ingest', path.join(DATA, 'pairs.jsonl'), '--splits', path.join(DATA, 'splits'));
  warifu(workspace, 'train', '--method', 'cca-itq', '--bits', '8,16', '--image-encoder', 'classic', '--text-encoder', 'bow');
  warifu(workspace, 'index');
  warifu(workspace, 'calibrate', '--relevance', 'any:shape');
  return workspace;
}

/** A key of a user, who is made if need be. */
export function makeKey(workspace, user, scopes, groups = []) {
  const listed = JSON.parse(warifu(workspace, 'users', 'list', '--output', 'json') || '{}');
  if (!(listed.users ?? []).some(one => one.name === user))
    warifu(workspace, 'users', 'add', user, ...(groups.length > 0 ? ['--groups', groups.join(',')] : []));
  return JSON.parse(
    warifu(workspace, 'keys', 'create', '--user', user, '--scopes', scopes.join(','), '--output', 'json')).key;
}

// ---- the server ----

export class Server {
  /** `warifu serve`, from its "serving" line on. */
  static async start(workspace, { port = 0, flags = [] } = {}) {
    const server = new Server();
    server.workspace = workspace;
    server.process = spawn(WARIFU,
      ['--workspace', workspace, 'serve', '--port', String(port), '--output', 'jsonl', ...flags],
      { stdio: ['ignore', 'pipe', 'pipe'], env: alone });
    running.add(server);
    server.errors = '';
    server.process.stderr.on('data', bytes => { server.errors += bytes; });
    server.ended = new Promise(resolve => server.process.once('exit', resolve));
    const line = await Promise.race([
      new Promise(resolve => createInterface(server.process.stdout).once('line', resolve)),
      server.ended.then(() => { throw new Error(`the server ended: ${server.errors}`); }),
    ]);
    server.url = JSON.parse(line).url.replace(/\/$/, '');
    server.port = Number(new URL(server.url).port);
    return server;
  }

  /** Asks the server without the browser; its answer as JSON. */
  async ask(method, where, body, key) {
    const headers = { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }) };
    const response = await fetch(this.url + where,
      { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${where}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async has(method, where) {
    const response = await fetch(this.url + where, { method });
    return response.status !== 404;
  }

  async stop() {
    running.delete(this);
    this.process.kill('SIGTERM');
    await this.ended;
    this.process.stdout.destroy();
    this.process.stderr.destroy();
  }
}

const running = new Set();

// ---- the browser ----

let browserOnce;
const browser = () => browserOnce ??= chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

after(async () => {
  if (browserOnce) await (await browserOnce).close();
  for (const server of running) await server.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/**
 * What no page of ours may do, whatever else is tested: ask another host, break its own content security policy, throw,
 * or write an error to the console. Errors that a test brings about itself are named in `expected`.
 */
function watch(context, origin, expected) {
  const troubles = [];
  const note = text => {
    if (!expected.some(pattern => pattern.test(text))) troubles.push(text);
  };
  context.on('request', request => {
    const url = new URL(request.url());
    if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== origin) note(`asked another host: ${url}`);
  });
  context.on('requestfailed', request => {
    const why = request.failure()?.errorText ?? '';
    // The page itself gave the request up: the next letter was typed, the view was left.
    if (why !== 'net::ERR_ABORTED') note(`request failed: ${request.method()} ${request.url()} ${why}`);
  });
  context.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') note(`console: ${message.text()} ${message.location().url}`);
  });
  context.on('weberror', error => note(`threw: ${error.error().stack ?? error.error()}`));
  return troubles;
}

/**
 * A fresh visitor: no cookie, no storage. `look` may say language ('en', 'ja'), theme ('light', 'dark'), width, height,
 * still (no motion), and bypassCSP for axe.
 */
export async function newVisitor(origin, look = {}, expected = []) {
  const context = await (await browser()).newContext({
    baseURL: origin,
    locale: (look.language ?? 'en') === 'ja' ? 'ja-JP' : 'en-GB',
    colorScheme: look.theme ?? 'light',
    viewport: { width: look.width ?? 1280, height: look.height ?? 900 },
    reducedMotion: look.still === false ? 'no-preference' : 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
    hasTouch: look.touch ?? false,
    bypassCSP: look.bypassCSP ?? false,
  });
  context.setDefaultTimeout(30_000);
  const troubles = watch(context, origin, expected);
  const page = await context.newPage();
  return { page, context, troubles };
}

/** A picture of what is seen, for people to look at. */
export async function keepPicture(page, name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
}

/**
 * A test in a fresh browser context. Options: `look` (see newVisitor), `expected` errors, `skip` (a function that gives
 * the reason or nothing). The body gets {page, context, server}; `server` is what `serverOf()` gives.
 */
export function scenario(name, serverOf, options, body) {
  test(name, { timeout: 180_000 }, async t => {
    const server = serverOf();
    const reason = await options.skip?.(server);
    if (reason) return t.skip(reason);
    const { page, context, troubles } = await newVisitor(server.url, options.look, options.expected);
    const fileName = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 80);
    try {
      await body({ page, context, server, t });
      await keepPicture(page, fileName);
      assert.deepEqual(troubles, [], 'nothing else may go wrong on the page');
    } catch (error) {
      await keepPicture(page, `FAILED-${fileName}`).catch(() => {});
      if (troubles.length > 0) console.error(`also seen: ${troubles.join('\n  ')}`);
      throw error;
    } finally {
      await context.close();
    }
  });
}

// ---- what people do that playwright has no word for ----

/** Drags a file from outside over the page and lets go, as the window manager tells the browser. */
export async function dropFile(page, file, { onDrag } = {}) {
  const session = await page.context().newCDPSession(page);
  const { width, height } = page.viewportSize();
  const at = { x: Math.round(width / 2), y: Math.round(height / 2), data: { items: [], files: [path.resolve(file)], dragOperationsMask: 1 } };
  await session.send('Input.dispatchDragEvent', { type: 'dragEnter', ...at });
  await session.send('Input.dispatchDragEvent', { type: 'dragOver', ...at });
  await onDrag?.();
  await session.send('Input.dispatchDragEvent', { type: 'drop', ...at });
  await session.detach();
}

/** Puts a picture into the system's clipboard, as "Copy image" does. */
export async function copyPicture(page, file) {
  await page.evaluate(async base64 => {
    const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })]);
  }, readFileSync(file).toString('base64'));
}

/** Types through an input method: the reading stands underlined in the field until it is confirmed. */
export async function compose(page, text) {
  const session = await page.context().newCDPSession(page);
  for (let end = 1; end <= text.length; ++end)
    await session.send('Input.imeSetComposition', { text: text.slice(0, end), selectionStart: end, selectionEnd: end });
  return {
    /** The Enter that confirms the conversion: it belongs to the input method, not to the page. */
    async confirm() {
      const key = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229, nativeVirtualKeyCode: 229 };
      await session.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...key });
      await session.send('Input.insertText', { text });
      await session.send('Input.dispatchKeyEvent', { type: 'keyUp', ...key });
      await session.detach();
    },
  };
}

/** What axe finds on the page, in words. */
export async function accessibilityFaults(page) {
  await page.evaluate(readFileSync(axePath, 'utf8'));
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.flatMap(one =>
    one.nodes.map(node => `${one.id}: ${one.help}\n    ${node.target.flat().join(' ')}\n    ${node.failureSummary?.replaceAll('\n', ' ')}`));
}

/** Whether the page can be scrolled sideways, which no view may need. */
export const sidewaysOverflow = page =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Asks until the answer is true-ish; for what happens outside the page. */
export async function until(what, condition, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    assert.ok(Date.now() < end, `${what} did not happen within ${seconds} s`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
