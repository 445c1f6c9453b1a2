// What every view owes everybody: nothing that axe finds, in both languages and both colours; and no scrolling sideways
// on a small phone.
import assert from 'node:assert/strict';
import test, { before } from 'node:test';

import { Server, accessibilityFaults, dropFile, keepPicture, makeKey, makeWorkspace, newVisitor, picture, sidewaysOverflow } from './harness.mjs';

let open; // without users
let guarded; // with users
let key;
before(async () => {
  open = await Server.start(makeWorkspace());
  const workspace = makeWorkspace();
  key = makeKey(workspace, 'hana', ['admin'], ['lab']);
  guarded = await Server.start(workspace);
  for (const [server, withKey] of [[open, undefined], [guarded, key]]) {
    await server.ask('POST', '/v1/jobs', { kind: 'evaluate', arguments: { relevance: 'any:shape' } }, withKey);
    await server.ask('POST', '/v1/jobs', { kind: 'ingest', arguments: { path: '/there/is/no/such/folder' } }, withKey);
    await server.ask('POST', '/v1/feedback', { text: 'red circle', id: 'red-circle-1', right: true, rank: 1 }, withKey);
  }
});

const hits = page => page.locator('#main ol li').first().waitFor();
const drop = async page => {
  await page.locator('#query').waitFor();
  await dropFile(page, picture('green-star-1.png'));
  await hits(page);
};
const panel = async page => {
  await page.locator('.admin h1').waitFor();
  await page.locator('.panel').first().waitFor();
};
const signIn = async page => {
  await page.locator('#key').fill(key);
  await page.keyboard.press('Enter');
  await panel(page);
};

// name, server, address, what is done there until it is the view that is meant.
const views = [
  ['start', () => open, '/', page => page.locator('.start-browse').waitFor()],
  ['results', () => open, '/?q=red%20circle&filter=shape%3Dcircle', hits],
  ['no-good-match', () => open, '/?q=spanner%20wrench', hits],
  ['nothing-found', () => open, '/?q=red&filter=shape%3Dnone', page => page.locator('.results-empty').waitFor()],
  ['picture-and-words', () => open, '/', async page => {
    await drop(page);
    await page.locator('#query').fill('star');
    await page.keyboard.press('Enter');
    await page.getByRole('slider').waitFor();
  }],
  ['crop', () => open, '/', async page => {
    await drop(page);
    await page.locator('.query-thumb').click();
    await page.getByRole('dialog').waitFor();
  }],
  ['item', () => open, '/?q=red%20circle&item=red-circle-1', page => page.getByRole('dialog').locator('img').waitFor()],
  ['why', () => open, '/?q=red%20circle&item=red-circle-1&why=1', page => page.locator('.explain[aria-busy=false]').waitFor()],
  ['suggestions', () => open, '/', async page => {
    await page.locator('#query').pressSequentially('tri', { delay: 30 });
    await page.getByRole('option').first().waitFor();
  }],
  ['keys', () => open, '/?q=star', async page => {
    await hits(page);
    await page.locator('body').press('?');
    await page.getByRole('dialog').waitFor();
  }],
  ...['collection', 'spaces', 'jobs', 'audit', 'feedback'].map(name => [`admin-${name}`, () => open, `/admin/${name}`, panel]),
  ['admin-first-user', () => open, '/admin/users', panel],
  ['sign-in', () => guarded, '/', page => page.locator('#key').waitFor()],
  ['admin-users', () => guarded, '/admin/users', signIn],
  ['admin-new-key', () => guarded, '/admin/users', async page => {
    await panel(page);
    await page.locator('.user .button').first().click();
    await page.getByRole('dialog').waitFor();
  }],
];

// Every view in both languages and both colours, on a desk and on a small phone, and between them.
for (const [language, theme, width] of [['en', 'light', 1280], ['en', 'dark', 360], ['ja', 'light', 360], ['ja', 'dark', 1280]])
  test(`nobody is kept out of any view: ${language}, ${theme}, ${width} px`, { timeout: 400_000 }, async () => {
    const faults = [];
    for (const server of [open, guarded]) {
      const { page, context } = await newVisitor(server.url, { language, theme, width, height: 860, touch: width < 500, bypassCSP: true });
      for (const [name, , where, reach] of views.filter(([, serverOf]) => serverOf() === server)) {
        await page.goto(where);
        await reach(page);
        for (const fault of await accessibilityFaults(page)) faults.push(`${name}: ${fault}`);
        await keepPicture(page, `view-${name}-${language}-${theme}-${width}`);
        for (const wide of [width, 768]) {
          await page.setViewportSize({ width: wide, height: 860 });
          const over = await sidewaysOverflow(page);
          if (over > 0) faults.push(`${name}: ${over} px too wide for a screen of ${wide} px`);
        }
        await page.setViewportSize({ width, height: 860 });
      }
      await context.close();
    }
    assert.deepEqual(faults, []);
  });
