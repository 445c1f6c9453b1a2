// A server that goes away and comes back under an open page; and one that is busy.
import assert from 'node:assert/strict';
import { before } from 'node:test';

import { Server, makeWorkspace, scenario } from './harness.mjs';

let server;
before(async () => { server = await Server.start(makeWorkspace()); });

const box = page => page.getByRole('combobox', { name: 'Search by words or picture' });
const hits = page => page.locator('#main ol').getByRole('listitem');
// What a browser itself writes to the console about a server that is not there.
const away = [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED/, /status of 503/];

async function restart() {
  const { workspace, port } = server;
  server = await Server.start(workspace, { port });
}

scenario('the server stops under an open page: it says so, keeps what is shown, and goes on by itself', () => server, { expected: away }, async ({ page }) => {
  await page.goto('/?q=red%20circle');
  await hits(page).first().filter({ hasText: 'a red circle' }).waitFor();
  await server.stop();
  await box(page).fill('blue ring');
  await page.keyboard.press('Enter');
  const banner = page.getByRole('status').filter({ hasText: 'The server does not answer.' });
  await banner.waitFor();
  assert.equal(await box(page).inputValue(), 'blue ring', 'nothing that was typed is lost');
  const loads = await page.evaluate(() => performance.timeOrigin);
  await restart();
  await banner.waitFor({ state: 'detached' });
  await hits(page).first().filter({ hasText: 'a blue ring' }).waitFor();
  assert.equal(await page.evaluate(() => performance.timeOrigin), loads, 'without a reload');
});

scenario('the administration of a server that stops goes on by itself too', () => server, { expected: away }, async ({ page }) => {
  await page.goto('/admin/collection');
  await page.getByRole('heading', { name: 'Splits' }).waitFor();
  await server.stop();
  await page.getByRole('link', { name: 'Audit' }).click();
  await page.getByText('The server does not answer.').first().waitFor();
  await restart();
  await page.getByRole('table', { name: /lines/ }).waitFor();
  assert.equal(await page.getByText('The server does not answer.').count(), 0);
});

scenario('a server that is busy is asked again when it said, and the page says so meanwhile', () => server, { expected: away }, async ({ page }) => {
  await page.goto('/');
  await box(page).waitFor();
  await page.waitForLoadState('networkidle');
  let asked = 0;
  await page.route('**/v1/search', async route => {
    if (++asked > 1) return route.continue();
    return route.fulfill({
      status: 503,
      headers: { 'Retry-After': '3', 'Content-Type': 'application/problem+json' },
      body: JSON.stringify({ type: 'urn:warifu:problem:busy', title: 'Service Unavailable', status: 503, detail: 'too many requests are waiting', code: 'busy', instance: '0' }),
    });
  });
  await box(page).fill('star');
  await page.keyboard.press('Enter');
  await page.getByText(/The server is busy/).waitFor();
  await hits(page).first().waitFor();
  assert.equal(asked, 2);
  assert.equal(await page.getByText(/The server is busy/).count(), 0);
});
