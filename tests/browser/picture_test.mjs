// Searching by pictures: dropped, pasted, chosen, cropped, with words beside them, and broken.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';

import { Server, badPicture, copyPicture, dropFile, freshFolder, keepPicture, makeWorkspace, picture, scenario } from './harness.mjs';

let server;
before(async () => { server = await Server.start(makeWorkspace()); });
const people = (name, options, body) => scenario(name, () => server, options, body);

const box = page => page.getByRole('combobox', { name: 'Search by words or picture' });
const hits = page => page.locator('#main ol').getByRole('listitem');
const thumbnail = page => page.getByRole('button', { name: 'Crop the picture' });

// What the page sends with its next search: the query, and the size of the picture. The browser does not show files in
// a form to those who watch its requests, so the page's own call is looked at.
async function nextSearch(page, does) {
  await page.evaluate(() => {
    const { fetch } = window;
    window.nextSearch = new Promise(resolve => {
      window.fetch = (url, request) => {
        if (String(url).endsWith('/v1/search')) {
          window.fetch = fetch;
          if (!(request.body instanceof FormData)) resolve({ query: JSON.parse(request.body) });
          else createImageBitmap(request.body.get('image')).then(({ width, height }) =>
            resolve({ query: JSON.parse(request.body.get('query')), width, height }));
        }
        return fetch(url, request);
      };
    });
  });
  await does();
  return page.evaluate(() => window.nextSearch);
}

people('a picture dropped anywhere on the page searches', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).waitFor();
  await dropFile(page, picture('green-star-1.png'), {
    onDrag: async () => {
      await page.getByText('Drop the picture to search with it').waitFor();
      await keepPicture(page, 'while-a-picture-is-dragged');
    },
  });
  await page.getByRole('heading', { name: 'Results for your picture' }).waitFor();
  await hits(page).first().filter({ hasText: 'a green star' }).waitFor();
  await thumbnail(page).waitFor();
  assert.equal(await page.getByText('Drop the picture to search with it').count(), 0);
});

people('a picture dropped over results replaces the search, and back brings the words back', {}, async ({ page }) => {
  await page.goto('/?q=red%20circle');
  await hits(page).first().waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  await dropFile(page, picture('blue-ring-1.png'));
  await page.getByRole('heading', { name: 'Results for your picture' }).waitFor();
  await hits(page).filter({ hasText: 'a blue ring' }).first().waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: /red circle/ }).waitFor();
});

people('a picture is pasted from the clipboard', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).click();
  await copyPicture(page, picture('red-square-1.png'));
  await page.keyboard.press('Control+V');
  await page.getByRole('heading', { name: 'Results for your picture' }).waitFor();
  await hits(page).filter({ hasText: 'a red square' }).first().waitFor();
});

people('words that are pasted are words, wherever the focus is', {}, async ({ page }) => {
  await page.goto('/?q=star');
  await hits(page).first().getByRole('link').first().focus();
  await page.evaluate(() => navigator.clipboard.writeText('purple ring'));
  await page.keyboard.press('Control+V');
  assert.match(await box(page).inputValue(), /purple ring/);
});

people('a picture is chosen with the file button, and taken off again', {}, async ({ page }) => {
  await page.goto('/');
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Choose a picture' }).click(),
  ]);
  await chooser.setFiles(picture('black-triangle-2.jpg'));
  await page.getByRole('heading', { name: 'Results for your picture' }).waitFor();
  await hits(page).filter({ hasText: /black|黒/ }).first().waitFor();
  await page.getByRole('button', { name: 'Remove the picture' }).click();
  await page.getByRole('heading', { name: 'Find pictures by words, words by pictures' }).waitFor();
  assert.equal(await thumbnail(page).count(), 0);
});

people('on a phone the camera takes the picture', { look: { width: 390, height: 844, touch: true } }, async ({ page }) => {
  await page.goto('/');
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Take a photo' }).click(),
  ]);
  assert.equal(await chooser.element().getAttribute('capture'), 'environment');
  await chooser.setFiles(picture('yellow-star-1.png'));
  await hits(page).filter({ hasText: 'a yellow star' }).first().waitFor();
});

people('a part of the picture is chosen with the mouse, and searched', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).waitFor();
  await dropFile(page, picture('green-star-1.png'));
  await thumbnail(page).click();
  const dialog = page.getByRole('dialog', { name: 'Which part counts?' });
  await dialog.getByText('100% by 100% of the picture').waitFor();
  const area = await dialog.locator('.crop-picture').boundingBox();
  await page.mouse.move(area.x + area.width * 0.25, area.y + area.height * 0.25);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.5, area.y + area.height * 0.5, { steps: 4 });
  await page.mouse.move(area.x + area.width * 0.75, area.y + area.height * 0.75, { steps: 4 });
  await page.mouse.up();
  await dialog.getByText('50% by 50% of the picture').waitFor();
  await keepPicture(page, 'cropping-a-picture');
  const sent = await nextSearch(page, () => dialog.getByRole('button', { name: 'Search with this part' }).click());
  await dialog.waitFor({ state: 'hidden' });
  await hits(page).first().waitFor();
  const full = sizeOfPng(readFileSync(picture('green-star-1.png')));
  assert.ok(Math.abs(sent.width - full.width / 2) <= 2 && Math.abs(sent.height - full.height / 2) <= 2,
    `half of ${full.width} x ${full.height} was sent: ${sent.width} x ${sent.height}`);
});

people('a part of the picture is chosen with the keyboard alone; Escape leaves it as it was', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).waitFor();
  await dropFile(page, picture('green-star-1.png'));
  await thumbnail(page).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Which part counts?' });
  await dialog.getByRole('button', { name: 'Lower right corner' }).focus();
  for (let i = 0; i < 5; ++i) await page.keyboard.press('ArrowLeft');
  for (let i = 0; i < 5; ++i) await page.keyboard.press('ArrowUp');
  await dialog.getByText('90% by 90% of the picture').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.keyboard.press('Enter');
  await dialog.getByText('100% by 100% of the picture').waitFor();
  await dialog.getByRole('button', { name: 'Upper left corner' }).focus();
  await page.keyboard.press('Shift+ArrowRight');
  await dialog.getByText('90% by 100% of the picture').waitFor();
  const sent = await nextSearch(page, () => dialog.getByRole('button', { name: 'Search with this part' }).press('Enter'));
  assert.ok(sent.width < sent.height, `a part was sent: ${sent.width} x ${sent.height}`);
  await hits(page).first().waitFor();
});

people('words beside a picture: the slider says what counts more', {}, async ({ page }) => {
  await page.goto('/');
  await box(page).waitFor();
  await dropFile(page, picture('green-star-1.png'));
  await hits(page).first().waitFor();
  await box(page).fill('red circle');
  const both = await nextSearch(page, () => page.keyboard.press('Enter'));
  assert.equal(both.query.weights, undefined, 'both alike is the one code of both');
  await page.getByRole('heading', { name: /your picture and “red circle”/ }).waitFor();
  const slider = page.getByRole('slider', { name: 'What counts more' });
  assert.equal(await slider.getAttribute('aria-valuetext'), 'both alike');
  const words = await nextSearch(page, () => slider.press('Home'));
  assert.ok(words.query.text === 'red circle' && words.width === undefined, 'the picture is not asked');
  await hits(page).first().filter({ hasText: /a red circle|赤い円/ }).waitFor();
  assert.equal(await slider.getAttribute('aria-valuetext'), 'only the words');
  const image = await nextSearch(page, () => slider.press('End'));
  assert.ok(image.query.text === undefined && image.width > 0, 'the words are not asked');
  await hits(page).first().filter({ hasText: 'a green star' }).waitFor();
  await page.waitForURL(/[?&]w=100/);
  const between = await nextSearch(page, () => slider.press('ArrowLeft'));
  assert.ok(between.query.weights.image > between.query.weights.text && between.query.weights.text > 0);
});

people('a link with a picture that another tab has says what to do', {}, async ({ page, context }) => {
  await page.goto('/');
  await box(page).waitFor();
  await dropFile(page, picture('green-star-1.png'));
  await hits(page).first().waitFor();
  const fresh = await context.newPage();
  await fresh.goto(page.url());
  await fresh.getByText('Pictures do not travel in links.').waitFor();
  await fresh.close();
});

for (const [what, file] of [
  ['a picture cut off in the middle', () => badPicture('pictures/truncated.png')],
  ['a text that calls itself a picture', () => { const text = path.join(freshFolder(), 'notes.png'); writeFileSync(text, 'not a picture at all'); return text; }],
  ['a small file that claims to be a picture of two thousand million dots', () => badPicture('pictures/claims_2_billion.png')],
])
  people(`${what} is told apart, with what to do`, { expected: [/status of 4(13|22)/] }, async ({ page }) => {
    await page.goto('/');
    await box(page).waitFor();
    await dropFile(page, file());
    const alert = page.getByRole('alert');
    await alert.waitFor();
    assert.ok((await alert.innerText()).trim().split(/\s+/).length > 5, await alert.innerText());
    await dropFile(page, picture('green-star-1.png'));
    await hits(page).filter({ hasText: 'a green star' }).first().waitFor();
    assert.equal(await page.getByRole('alert').count(), 0, 'the next picture works');
  });

people('a file that is no picture is refused before it is sent', {}, async ({ page }) => {
  const table = path.join(freshFolder(), 'parts.csv');
  writeFileSync(table, 'id,text\n1,bolt\n');
  await page.goto('/');
  await box(page).waitFor();
  const asked = [];
  page.on('request', request => request.url().includes('/v1/search') && asked.push(request.url()));
  await dropFile(page, table);
  await page.getByRole('alert').getByText('“parts.csv” is not a picture.').waitFor();
  assert.deepEqual(asked, []);
});

function sizeOfPng(bytes) {
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}
