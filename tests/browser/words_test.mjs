// Searching by words, as people do it.
import assert from 'node:assert/strict';
import { before } from 'node:test';

import { Server, compose, makeWorkspace, scenario } from './harness.mjs';

let server;
before(async () => { server = await Server.start(makeWorkspace()); });
const people = (name, options, body) => scenario(name, () => server, options, body);

const box = page => page.getByRole('combobox', { name: 'Search by words or picture' });
const hits = page => page.locator('#main ol').getByRole('listitem');
const firstHit = (page, text) => hits(page).first().filter({ hasText: text });

people('words are typed, Enter searches, and the words are marked in what was found', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).and(page.locator(':focus')).waitFor(); // ready to type in
  await page.keyboard.type('red circle');
  await page.keyboard.press('Enter');
  await firstHit(page, 'a red circle').waitFor();
  assert.deepEqual(await hits(page).first().locator('mark').allInnerTexts(), ['red', 'circle']);
  await hits(page).first().getByText('Likely').waitFor();
  assert.equal(new URL(page.url()).searchParams.get('q'), 'red circle');
  assert.match(await page.title(), /red circle/);
  const picture = hits(page).first().locator('img');
  await page.waitForFunction(image => image.complete && image.naturalWidth > 0, await picture.elementHandle());
});

people('a suggestion is chosen with the arrow keys and searched', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).pressSequentially('tri', { delay: 30 });
  await page.getByRole('option', { name: /triangle/ }).waitFor();
  assert.equal(await box(page).getAttribute('aria-expanded'), 'true');
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.getByRole('option', { name: /triangle/ }).getAttribute('aria-selected'), 'true');
  await page.keyboard.press('Enter');
  await firstHit(page, 'triangle').waitFor();
  assert.equal(await box(page).inputValue(), 'triangle');
  assert.equal(await page.getByRole('option').count(), 0);
});

people('a suggestion is chosen by clicking it; Escape closes the list without a search', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).pressSequentially('squ', { delay: 30 });
  await page.getByRole('option', { name: /square/ }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('option').first().waitFor({ state: 'hidden' });
  assert.equal(await box(page).inputValue(), 'squ');
  assert.equal(new URL(page.url()).search, '');
  await box(page).pressSequentially('a');
  await page.getByRole('option', { name: /square/ }).click();
  await firstHit(page, 'square').waitFor();
});

people('Japanese: the Enter that confirms the conversion does not search, the next one does', { look: { language: 'ja' } }, async ({ page }) => {
  await page.goto('/');
  const field = page.getByRole('combobox', { name: '言葉または画像で検索' });
  await field.focus();
  const asked = [];
  page.on('request', request => request.url().includes('/v1/search') && asked.push(request.url()));
  const conversion = await compose(page, '赤い');
  assert.equal(await page.getByRole('option').count(), 0, 'no suggestions in the way of the candidates');
  await conversion.confirm();
  assert.equal(await field.inputValue(), '赤い');
  await page.waitForTimeout(300);
  assert.deepEqual(asked, [], 'nothing was searched yet');
  await page.keyboard.press('Enter');
  await firstHit(page, '赤い').waitFor();
  assert.deepEqual(await hits(page).first().locator('mark').allInnerTexts(), ['赤い']);
});

people('Japanese words of one and of two characters find what has them', { look: { language: 'ja' } }, async ({ page }) => {
  for (const [word, found] of [['円', /円/], ['三角', /三角/], ['緑', /緑/]]) {
    await page.goto(`/?q=${encodeURIComponent(word)}`);
    await firstHit(page, found).waitFor();
    assert.equal(await hits(page).first().locator('mark').first().innerText(), word);
  }
  assert.equal(await page.locator('html').getAttribute('lang'), 'ja');
});

people('half of the width, all of the meaning: full-width letters find and mark', {}, async ({ page }) => {
  await page.goto(`/?q=${encodeURIComponent('ＲＥＤ ｃｉｒｃｌｅ')}`);
  await firstHit(page, 'a red circle').waitFor();
  assert.deepEqual(await hits(page).first().locator('mark').allInnerTexts(), ['red', 'circle']);
});

people('a label filters, a second of the same column widens, and both can be removed', {}, async ({ page }) => {
  await page.goto('/?q=red');
  await hits(page).first().waitFor();
  const filters = page.getByRole('complementary', { name: 'Filters' });
  await filters.getByRole('checkbox', { name: /^star/ }).check();
  await firstHit(page, /star|星/).waitFor();
  await page.getByText('12 results').first().waitFor();
  assert.equal(await hits(page).filter({ hasText: /star|星/ }).count(), 12);
  await filters.getByRole('checkbox', { name: /^ring/ }).check();
  await page.waitForURL(/filter=shape%3Dstar&filter=shape%3Dring/);
  await hits(page).filter({ hasText: /ring|輪/ }).first().waitFor();
  await page.getByRole('button', { name: /Remove filter\s+Shape\s+star/ }).click();
  await hits(page).filter({ hasText: /star|星/ }).first().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /Remove filter\s+Shape\s+ring/ }).click();
  await page.waitForURL(url => !url.search.includes('filter'));
  assert.equal(await filters.getByRole('checkbox', { checked: true }).count(), 0);
});

people('labels that no item has together say so and offer a way out', {}, async ({ page }) => {
  await page.goto('/?q=red&filter=colour%3Dred&filter=shape%3Dno-such-shape');
  await page.getByText('Nothing found.').last().waitFor();
  await page.getByRole('button', { name: 'Remove all filters' }).last().click();
  await hits(page).first().waitFor();
});

people('"more like this" looks for what is like an item', {}, async ({ page }) => {
  await page.goto('/?q=green%20star');
  await firstHit(page, 'a green star').waitFor();
  await hits(page).first().hover();
  await hits(page).first().getByRole('link', { name: /More like this/ }).click();
  await page.waitForURL(/like=green-star-1/);
  await page.getByRole('heading', { name: /More like “a green star”/ }).waitFor();
  await hits(page).nth(3).waitFor();
  assert.equal(await box(page).inputValue(), '');
});

people('every state is a link: opened fresh, and back and forward', {}, async ({ page, context }) => {
  await page.goto('/');
  await box(page).fill('blue');
  await page.keyboard.press('Enter');
  await firstHit(page, /blue|青/).waitFor();
  await page.getByText('Pictures', { exact: true }).click();
  await page.waitForURL(/find=image/);
  await page.getByRole('complementary', { name: 'Filters' }).getByRole('checkbox', { name: /^ring/ }).check();
  await page.waitForURL(/filter=/);
  await firstHit(page, /blue|青/).waitFor();
  const seen = await hits(page).first().innerText();

  const fresh = await context.newPage();
  await fresh.goto(page.url());
  await hits(fresh).first().waitFor();
  assert.equal(await hits(fresh).first().innerText(), seen);
  assert.equal(await box(fresh).inputValue(), 'blue');
  assert.ok(await fresh.getByRole('radio', { name: 'Pictures' }).isChecked());
  await fresh.close();

  await page.goBack();
  await page.waitForURL(url => !url.search.includes('filter'));
  await page.goBack();
  await page.waitForURL(url => !url.search.includes('find'));
  assert.ok(await page.getByRole('radio', { name: 'Anything' }).isChecked());
  await page.goBack();
  await page.getByRole('heading', { name: 'Find pictures by words, words by pictures' }).waitFor();
  await page.goForward();
  await firstHit(page, /blue|青/).waitFor();
});

people('an item opens over the results, has an address, and back closes it', {}, async ({ page }) => {
  await page.goto('/?q=black%20ring');
  await firstHit(page, 'a black ring').waitFor();
  await hits(page).first().getByRole('link', { name: /^Open/ }).click();
  const item = page.getByRole('dialog', { name: 'a black ring' });
  await item.waitFor();
  await item.getByRole('link', { name: 'ring' }).waitFor();
  await item.getByText(/of 16 bits differ/).waitFor();
  const address = page.url();
  await page.goBack();
  await item.waitFor({ state: 'hidden' });
  await page.goto(address);
  await page.getByRole('dialog', { name: 'a black ring' }).waitFor();
  await page.keyboard.press('Escape');
  await hits(page).first().waitFor();
});

people('a query that nothing answers well says so, above what lies nearest', {}, async ({ page }) => {
  await page.goto('/?q=spanner%20wrench');
  await page.getByText('No good match.').waitFor();
  await hits(page).first().getByText('Weak').waitFor();
});

people('more results come by a button, each once', {}, async ({ page }) => {
  await page.goto('/?q=circle');
  await hits(page).first().waitFor();
  const before = await hits(page).count();
  await page.getByRole('button', { name: 'More results' }).click();
  await hits(page).nth(before).waitFor();
  const names = await hits(page).getByRole('link', { name: /^Open/ }).evaluateAll(links => links.map(link => new URL(link.href).searchParams.get('item')));
  assert.equal(new Set(names).size, names.length);
  await hits(page).nth(before).locator(':focus').waitFor(); // it goes on where the new ones begin
});

people('the language and the colours are chosen once and stay', {}, async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: '日本語' }).click();
  await page.getByRole('heading', { name: '言葉で画像を、画像で言葉を探す' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'ja');
  await page.getByRole('button', { name: /^配色/ }).click();
  await page.getByRole('button', { name: /^配色/ }).click();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  await page.reload();
  await page.getByRole('heading', { name: '言葉で画像を、画像で言葉を探す' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
});
