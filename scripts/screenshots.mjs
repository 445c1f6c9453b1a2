// screenshots.mjs URL FOLDER WORDS PICTURE: what the README shows of the page that is served at URL, as FOLDER/*.png.
// Called by screenshots.sh; needs playwright-core (NODE_PATH) and Debian's Chromium.
import { createRequire } from 'node:module';
import path from 'node:path';

const [url, folder, words, picture] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)('playwright-core');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--font-render-hinting=none'],
});
const context = await browser.newContext({
  baseURL: url,
  viewport: { width: 1280, height: 860 },
  locale: 'en-GB',
  timezoneId: 'UTC',
  colorScheme: 'light',
  reducedMotion: 'reduce',
});
context.setDefaultTimeout(60_000);
const page = await context.newPage();

async function keep(name, height = 860) {
  await page.setViewportSize({ width: 1280, height });
  // All pictures that can be seen are there, and nothing holds the focus or lies under the pointer.
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement?.blur());
  await page.waitForFunction(() => [...document.images]
    .filter(image => image.getBoundingClientRect().top < innerHeight && image.getBoundingClientRect().width > 0)
    .every(image => image.complete));
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

const hits = page.locator('#main ol > li');

await page.goto(`/?q=${encodeURIComponent(words)}`);
await hits.first().waitFor();
await keep('search-by-words');

await page.goto('/');
await page.getByRole('combobox').waitFor();
await page.locator('#picture-file').setInputFiles(picture);
await page.getByRole('heading', { name: 'Results for your picture' }).waitFor();
await hits.first().waitFor();
await keep('search-by-picture');

await hits.first().getByRole('link', { name: /^Open/ }).focus();
await page.keyboard.press('e');
await page.locator('.explain[aria-busy=false]').waitFor();
await keep('explanation', 1000);

await page.goto('/admin/spaces');
await page.getByRole('button', { name: 'Evaluate now' }).click();
await page.getByRole('img', { name: /Precision over recall/ }).waitFor({ timeout: 600_000 });
await page.locator('#main').getByText('Evaluation runs.').waitFor({ state: 'detached', timeout: 600_000 });
const curve = await page.locator('svg.curve').boundingBox();
await keep('administration', Math.ceil(curve.y + curve.height + 40));

await browser.close();
