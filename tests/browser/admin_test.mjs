// The admin page as an administrator uses it.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';

import { Server, freshFolder, makeKey, makeWorkspace, picture, scenario, until, warifu } from './harness.mjs';

let server;
let key;
before(async () => {
  const workspace = makeWorkspace();
  key = makeKey(workspace, 'hana', ['admin'], ['lab']);
  server = await Server.start(workspace);
});
const admin = (name, options, body) =>
  scenario(name, () => server, { expected: [/status of 401/], ...options }, async all => {
    await signIn(all.page, key, options.at ?? '/admin');
    await body(all);
  });

async function signIn(page, withKey, at) {
  await page.goto(at);
  await page.getByLabel('Key', { exact: true }).fill(withKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Administration' }).waitFor();
}

const section = (page, name) => page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name });

admin('the collection shows what is in it, split by split and column by column', { at: '/admin/collection' }, async ({ page }) => {
  await page.getByRole('heading', { name: 'Collection', level: 1 }).waitFor();
  const splits = page.getByRole('table', { name: 'Splits' });
  await splits.getByRole('row', { name: /database/ }).getByText('48').waitFor();
  await splits.getByRole('row', { name: /query/ }).getByText('12').waitFor();
  await page.getByRole('table', { name: 'Columns' }).getByRole('row', { name: /shape/ }).getByText('5').waitFor();
  await page.getByText('Every file that was read could be used.').waitFor();
});

admin('every section has an address of its own, and back leads to the one before', {}, async ({ page }) => {
  for (const [name, where] of [['Code spaces', 'spaces'], ['Jobs', 'jobs'], ['Users and keys', 'users'], ['Audit', 'audit'], ['Feedback', 'feedback']]) {
    await section(page, name).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    assert.equal(new URL(page.url()).pathname, `/admin/${where}`);
    assert.equal(await section(page, name).getAttribute('aria-current'), 'page');
    assert.match(await page.title(), new RegExp(name));
  }
  await page.goBack();
  await page.getByRole('heading', { name: 'Audit', level: 1 }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Audit', level: 1 }).waitFor();
});

admin('a backup is started, is seen to run, and its result is told', { at: '/admin/jobs' }, async ({ page }) => {
  const target = path.join(freshFolder(), 'monday');
  await page.getByLabel('Folder to write to').fill(target);
  await page.getByRole('button', { name: 'Start backup' }).click();
  const job = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Backup' }) }).first();
  await job.getByText('done', { exact: true }).waitFor();
  await job.getByText(/\d+ files, .* MB, in /).waitFor();
  assert.match(warifu(target, 'status', '--output', 'json'), /"items": ?60/);
});

admin('an evaluation started from the jobs with what the form proposes is done', { at: '/admin/jobs' }, async ({ page }) => {
  await page.getByText('Evaluate', { exact: true }).click();
  await page.getByRole('button', { name: 'Start evaluate' }).click();
  const job = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Evaluate' }) }).first();
  await job.getByText('done', { exact: true }).waitFor();
});

admin('a job that cannot be done says why and what to do', { at: '/admin/jobs' }, async ({ page }) => {
  await page.getByText('Ingest', { exact: true }).click();
  await page.getByLabel('File or folder to read').fill('/there/is/no/such/folder');
  await page.getByRole('button', { name: 'Start ingest' }).click();
  const job = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Ingest' }) }).first();
  await job.getByText('failed', { exact: true }).waitFor();
  await job.getByText(/no such/i).first().waitFor();
});

admin('what was ingested over the page shows in the collection, and what could not be read with its reason', { at: '/admin/collection' }, async ({ page }) => {
  const folder = path.join(freshFolder(), 'photos');
  mkdirSync(folder);
  copyFileSync(picture('red-star-1.png'), path.join(folder, 'bolt.png'));
  writeFileSync(path.join(folder, 'bolt.txt'), 'a rusty bolt');
  writeFileSync(path.join(folder, 'broken.png'), 'this is no picture');
  await page.getByRole('link', { name: 'Read more items' }).click();
  await page.getByLabel('File or folder to read').fill(folder);
  await page.getByRole('button', { name: 'Start ingest' }).click();
  await page.getByText(/1 new, 0 changed, 0 as before, 1 left out/).waitFor();
  await section(page, 'Collection').click();
  const row = page.getByRole('table', { name: 'Left out' }).getByRole('row', { name: /broken\.png/ });
  await row.waitFor();
  assert.ok((await row.getByRole('cell').nth(1).innerText()).length > 5, 'a reason is given');
});

admin('a code space is evaluated from the page; the table has intervals and the curve its numbers', { at: '/admin/spaces' }, async ({ page }) => {
  await page.getByRole('heading', { name: 'cca-itq' }).waitFor();
  await page.getByText('served', { exact: true }).waitFor();
  await page.getByLabel('An answer is right if it shares').selectOption('any:shape');
  await page.getByRole('button', { name: 'Evaluate now' }).click();
  const table = page.getByRole('table', { name: /Mean average precision/ });
  await table.getByRole('row', { name: /16/ }).getByText(/0\.\d{3} – 0\.\d{3}/).first().waitFor();
  const curve = page.getByRole('img', { name: /Precision over recall, pictures to words/ });
  await curve.waitFor();
  assert.match(await curve.getAttribute('aria-label'), /16 bits: precision 0\.\d+ at recall [01]\.\d+/);
  await page.getByText('words to pictures', { exact: true }).and(page.locator('label')).click();
  await page.getByRole('img', { name: /Precision over recall, words to pictures/ }).waitFor();
  await page.getByRole('checkbox', { name: '8 bits' }).uncheck();
  assert.doesNotMatch(await page.getByRole('img', { name: /Precision over recall/ }).getAttribute('aria-label'), /\b8 bits/);
  await page.getByText('The numbers of 16 bits').click();
  assert.equal(await page.getByRole('table', { name: 'The numbers of 16 bits' }).getByRole('row').count(), 1 + 17, 'a head and radius 0 to 16');
});

admin('a user is added, gets a key that is shown once and works, and loses it again', { at: '/admin/users', look: { height: 1200 } }, async ({ page, server }) => {
  await page.getByLabel('Name', { exact: true }).fill('ken');
  await page.getByLabel('Groups', { exact: true }).fill('lab, press-shop');
  await page.getByRole('button', { name: 'Add user' }).click();
  const ken = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'ken', exact: true }) });
  await ken.getByText('press-shop').waitFor();
  await ken.getByText('no key: cannot sign in').waitFor();

  await ken.getByRole('button', { name: 'Make a key' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make a key for ken' });
  await dialog.getByLabel('Note').fill('inspection tablet 3');
  await dialog.getByLabel('Valid for').selectOption('30');
  await dialog.getByRole('button', { name: 'Make key' }).click();
  const shown = page.getByRole('dialog', { name: 'The new key' });
  const made = (await shown.getByLabel('Key', { exact: true }).innerText()).trim();
  assert.match(made, /^wrf_/);
  await page.keyboard.press('Escape');
  assert.ok(await shown.isVisible(), 'the only copy is not lost by Escape');
  await shown.getByRole('button', { name: 'Copy' }).click();
  await shown.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), made);
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  await ken.getByText('inspection tablet 3').waitFor();
  assert.ok(!(await page.content()).includes(made), 'it is nowhere on the page any more');

  assert.equal((await server.ask('GET', '/v1/session', undefined, made)).name, 'ken');
  await ken.getByRole('button', { name: /^Revoke key/ }).click();
  const sure = page.getByRole('dialog', { name: /^Revoke key/ });
  await sure.getByRole('button', { name: 'Cancel' }).click();
  assert.equal((await server.ask('GET', '/v1/session', undefined, made)).name, 'ken', 'Cancel changes nothing');
  await ken.getByRole('button', { name: /^Revoke key/ }).click();
  await sure.getByRole('button', { name: 'Revoke' }).click();
  await ken.getByText('revoked', { exact: true }).waitFor();
  await assert.rejects(server.ask('GET', '/v1/session', undefined, made), /401/);

  await ken.getByRole('button', { name: 'Change groups' }).click();
  await ken.getByLabel('Groups', { exact: true }).fill('press-shop');
  await ken.getByRole('button', { name: 'Save groups' }).click();
  await ken.getByText('lab', { exact: true }).waitFor({ state: 'detached' });

  await section(page, 'Audit').click();
  const lines = page.getByRole('table', { name: /lines/ });
  await lines.getByRole('row', { name: /keys\.revoke/ }).first().waitFor();
  await page.getByLabel('Action').selectOption('users.create');
  assert.match(await lines.getByRole('row').nth(1).innerText(), /hana[\s\S]*users\.create[\s\S]*ken/);
  await page.getByLabel('Action').selectOption('changes');
  assert.equal(await lines.getByRole('row', { name: /GET / }).count(), 0);
  const head = await page.locator('.chain code').innerText();
  assert.match(head, /^[0-9a-f]{64}$/);

  await section(page, 'Users and keys').click();
  await page.getByRole('button', { name: 'Remove ken' }).click();
  await page.getByRole('dialog', { name: /Remove ken/ }).getByRole('button', { name: 'Remove ken' }).click();
  await ken.waitFor({ state: 'detached' });
});

admin('a name that is taken or cannot be one is refused with what is allowed', { at: '/admin/users', expected: [/status of 40[019]/] }, async ({ page }) => {
  for (const [name, said] of [['hana', /already/], ['no spaces please', /letters/]]) {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByRole('button', { name: 'Add user' }).click();
    await page.getByRole('alert').filter({ hasText: said }).waitFor();
  }
});

admin('a key cannot be made without saying what it may', { at: '/admin/users' }, async ({ page }) => {
  await page.getByRole('button', { name: 'Make a key' }).first().click();
  const dialog = page.getByRole('dialog');
  for (const scope of await dialog.getByRole('checkbox').all()) await scope.uncheck();
  await dialog.getByRole('button', { name: 'Make key' }).click();
  await dialog.getByText('Choose at least one.').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
});

admin('the keyboard alone starts a job and answers a question', { at: '/admin/jobs' }, async ({ page }) => {
  const at = async (role, name) => {
    for (let i = 0; i < 60; ++i) {
      if (await page.getByRole(role, { name }).evaluate(element => element === document.activeElement).catch(() => false)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`Tab does not lead to ${name}`);
  };
  await at('radio', 'Backup');
  for (let i = 0; i < 3; ++i) await page.keyboard.press('ArrowRight');
  await at('combobox', 'An answer is right by');
  await page.keyboard.type('any:colour');
  await page.keyboard.press('Enter');
  const job = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Calibrate' }) }).first();
  await job.getByText('done', { exact: true }).waitFor();

  await section(page, 'Users and keys').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Users and keys', level: 1 }).waitFor();
  await at('button', 'Remove hana');
  await page.keyboard.press('Enter');
  const question = page.getByRole('dialog', { name: /Remove hana/ });
  await question.getByText('This is you').waitFor();
  assert.ok(await question.getByRole('button', { name: 'Cancel' }).evaluate(button => button === document.activeElement), 'the way out has the focus');
  await page.keyboard.press('Enter');
  await question.waitFor({ state: 'detached' });
  assert.ok(await page.getByRole('button', { name: 'Remove hana' }).evaluate(button => button === document.activeElement), 'and the focus is where it was');
});

admin('whoever revokes the key in use is asked to sign in again', { at: '/admin/users' }, async ({ page, server }) => {
  const id = key.split('_')[1];
  const other = makeKey(server.workspace, 'hana', ['admin']);
  await page.getByRole('button', { name: `Revoke key ${id}` }).waitFor();
  await page.getByRole('button', { name: `Revoke key ${id}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  key = other;
  await until('the other key', () => server.ask('GET', '/v1/session', undefined, other).then(() => true));
});
