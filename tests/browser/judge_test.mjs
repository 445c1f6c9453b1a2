// Why a hit was found, and whether it is right.
import assert from 'node:assert/strict';
import { before } from 'node:test';

import { Server, dropFile, keepPicture, makeWorkspace, picture, scenario, until } from './harness.mjs';

let server;
before(async () => { server = await Server.start(makeWorkspace()); });
const people = (name, options, body) => scenario(name, () => server, options, body);

const box = page => page.getByRole('combobox', { name: 'Search by words or picture' });
const hits = page => page.locator('#main ol').getByRole('listitem');
const right = card => card.getByRole('button', { name: 'Right', exact: true });
const wrong = card => card.getByRole('button', { name: 'Wrong', exact: true });

// What is kept of one query, as the server says it.
async function judgementsOf(text) {
  const { judgements } = await server.ask('GET', '/v1/feedback?limit=100');
  return judgements.filter(one => (one.text ?? '') === text).map(({ id, right }) => ({ id, right }));
}
async function kept(text, wanted) {
  let is;
  await until(`the judgement of "${text}"`, async () => {
    is = JSON.stringify(await judgementsOf(text));
    return is === JSON.stringify(wanted);
  }).catch(() => assert.fail(`of "${text}" is kept ${is}`));
}

people('a hit is judged right, then wrong, then not at all; each time the last word is kept', {}, async ({ page }) => {
  await page.goto('/?q=yellow%20ring');
  const card = hits(page).first();
  await card.filter({ hasText: 'a yellow ring' }).waitFor();
  await right(card).click();
  await card.getByRole('button', { name: 'Right', pressed: true }).waitFor();
  await kept('yellow ring', [{ id: 'yellow-ring-1', right: true }]);
  await wrong(card).click();
  await card.getByRole('button', { name: 'Wrong', pressed: true }).waitFor();
  await kept('yellow ring', [{ id: 'yellow-ring-1', right: false }]);
  await wrong(card).click();
  await card.getByRole('button', { name: 'Wrong', pressed: false }).waitFor();
  await kept('yellow ring', []);
});

people('a hit of a picture is judged in the opened item; the administrator sees it with its rank', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).waitFor();
  await dropFile(page, picture('purple-star-1.png'));
  await hits(page).nth(1).waitFor();
  await hits(page).nth(1).getByRole('link', { name: /^Open/ }).click();
  const item = page.getByRole('dialog');
  await wrong(item).click();
  await item.getByRole('button', { name: 'Wrong', pressed: true }).waitFor();
  await page.keyboard.press('Escape');
  await hits(page).nth(1).getByRole('button', { name: 'Wrong', pressed: true }).waitFor();
  await page.goto('/admin/feedback');
  const row = page.getByRole('table', { name: 'Latest judgements' }).getByRole('row', { name: /a picture/ });
  await row.getByText('wrong', { exact: true }).waitFor();
  await row.getByRole('cell').nth(5).getByText('2', { exact: true }).waitFor();
});

people('the keyboard alone: from opening the page to a judged hit', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).and(page.locator(':focus')).waitFor();
  await page.keyboard.type('black star');
  await page.keyboard.press('Enter');
  await hits(page).first().filter({ hasText: 'a black star' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await hits(page).first().locator(':focus').waitFor();
  await page.keyboard.press('ArrowRight');
  await hits(page).nth(1).locator(':focus').waitFor();
  await page.keyboard.press('/');
  await box(page).and(page.locator(':focus')).waitFor();
  await page.keyboard.press('ArrowDown');
  await hits(page).first().locator(':focus').waitFor();
  await page.keyboard.press('y');
  await hits(page).first().getByRole('button', { name: 'Right', pressed: true }).waitFor();
  await kept('black star', [{ id: 'black-star-1', right: true }]);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'a black star' }).waitFor();
  await page.keyboard.press('n');
  await page.getByRole('dialog').getByRole('button', { name: 'Wrong', pressed: true }).waitFor();
  await page.keyboard.press('Escape');
  await hits(page).first().locator(':focus').waitFor(); // the focus is where it was
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('l');
  await page.waitForURL(/like=black-star-1/);
});

people('Tab leads over the skip link to the content and through everything that can be done', {}, async ({ page }) => {
  await page.goto('/?q=star');
  await hits(page).first().waitFor();
  await page.keyboard.press('Tab');
  await page.getByRole('link', { name: 'Skip to content' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await box(page).and(page.locator(':focus')).waitFor();
  const seen = new Set();
  for (let i = 0; i < 60; ++i) {
    const { isPage, name, isSeen } = await page.evaluate(() => {
      const at = document.activeElement;
      const within = [at, at.closest('label'), at.closest('.query-box'), at.closest('.card')].filter(Boolean); // what stands for it
      return {
        isPage: at === document.body, // after the last one the browser's own controls come, then the first one again
        name: at.getAttribute('aria-label') ?? at.textContent.trim(),
        isSeen: within.some(one => getComputedStyle(one).outlineStyle !== 'none' || getComputedStyle(one).boxShadow !== 'none'),
      };
    });
    assert.ok(isPage || isSeen, `the focus can be seen on "${name}"`);
    seen.add(name);
    await page.keyboard.press('Tab');
  }
  for (const wanted of ['Choose a picture', 'Search', 'Right', 'Wrong']) assert.ok(seen.has(wanted), `${wanted} is reached by Tab`);
});

const unlessExplained = async at => (await at.has('POST', '/v1/explain')) ? undefined : 'the server does not explain yet';

people('why a hit was found: a sentence, the words with their weights, and the bits', { skip: unlessExplained }, async ({ page, server }) => {
  await page.goto('/?q=red%20circle');
  const card = hits(page).first();
  await card.filter({ hasText: 'a red circle' }).waitFor();
  await card.hover();
  await card.getByRole('link', { name: /^Why this matched/ }).click();
  const why = page.getByRole('region', { name: 'Why this matched' });
  const said = await server.ask('POST', '/v1/explain', { text: 'red circle', id: 'red-circle-1', language: 'en' });
  await why.getByText(said.sentence).waitFor();
  await why.getByText(`${said.code.shared} of 16 bits are the same.`).waitFor();
  const bits = why.getByRole('group', { name: 'The two codes' }).getByRole('img');
  assert.equal(await bits.count(), 16);
  for (const bit of said.code.differing) assert.match(await bits.nth(bit).getAttribute('aria-label'), /differs/);
  await bits.first().focus();
  await page.keyboard.press('ArrowRight');
  await bits.nth(1).and(page.locator(':focus')).waitFor();
  await keepPicture(page, 'why-by-words');
  await page.reload();
  await why.getByText(said.sentence).waitFor(); // it has an address
});

people('why a picture was found: its parts lie over both pictures, and light up their bits', { skip: unlessExplained }, async ({ page }) => {
  await page.goto('/');
  await box(page).waitFor();
  await dropFile(page, picture('green-star-1.png'));
  const card = hits(page).first();
  await card.filter({ hasText: 'a green star' }).waitFor();
  await card.getByRole('link', { name: /^Open/ }).focus();
  await page.keyboard.press('e');
  const why = page.getByRole('region', { name: 'Why this matched' });
  const parts = why.getByRole('group', { name: 'Parts of the picture that count most' });
  await parts.first().waitFor();
  const named = parts.first().getByRole('img');
  await named.first().focus();
  assert.ok(await why.locator('.bit.lit').count() > 0, 'the bits that it holds are lit');
  await keepPicture(page, 'why-by-picture');
  await why.getByLabel('Show on the picture').uncheck();
  await page.waitForFunction(patch => Number(patch.getAttribute('fill-opacity')) === 0, await parts.first().locator('rect').first().elementHandle());
});
