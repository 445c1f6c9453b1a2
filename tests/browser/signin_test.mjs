// Who may see what: keys typed into the page.
import assert from 'node:assert/strict';
import { before } from 'node:test';

import { Server, makeKey, makeWorkspace, newVisitor, scenario, warifu } from './harness.mjs';

let open; // a server without users
let server;
let reader;
let administrator;
before(async () => {
  open = await Server.start(makeWorkspace());
  const workspace = makeWorkspace();
  administrator = makeKey(workspace, 'hana', ['admin']);
  reader = makeKey(workspace, 'ken', ['search', 'read']);
  server = await Server.start(workspace);
});

const refused = [/status of 401/];
const adminLink = page => page.getByRole('banner').getByRole('link', { name: 'Admin' });

async function signIn(page, key) {
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

scenario('where there are no users nobody signs in, and whoever is here administers', () => open, {}, async ({ page }) => {
  await page.goto('/');
  await page.getByRole('combobox').waitFor();
  await adminLink(page).click();
  await page.getByRole('heading', { name: 'Collection', level: 1 }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0);
  await page.getByRole('link', { name: 'Users and keys' }).click();
  await page.getByText('warifu users add').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Add user' }).count(), 0, 'adding one here would shut everybody out');
});

scenario('where there are users the page asks for a key; a wrong one is told so', () => server, { expected: refused }, async ({ page }) => {
  await page.goto('/?q=star');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await signIn(page, 'wrf_00000000_0000000000000000000000000000000000000000000');
  await page.getByRole('alert').getByText(/not valid/).waitFor();
  await signIn(page, reader);
  await page.getByRole('combobox').waitFor();
  assert.equal(await page.getByRole('combobox').inputValue(), 'star', 'and goes on with what was asked');
  await page.getByRole('listitem').filter({ hasText: /star/ }).first().waitFor();
});

scenario('a key that may only search and read sees no administration', () => server, { expected: refused }, async ({ page }) => {
  await page.goto('/');
  await signIn(page, reader);
  await page.getByRole('combobox').waitFor();
  assert.equal(await adminLink(page).count(), 0);
  await page.goto('/admin/users');
  await page.getByText('This page is for administrators.').waitFor();
  assert.equal(await page.getByText('hana').count(), 0);
});

scenario('a session lasts over a reload and ends by signing out', () => server, { expected: refused }, async ({ page }) => {
  await page.goto('/');
  await signIn(page, administrator);
  await adminLink(page).waitFor();
  await page.reload();
  await adminLink(page).waitFor();
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).includes(administrator), 'the key is not kept in the browser');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

scenario('a key revoked elsewhere ends the session at the next request', () => server, { expected: refused }, async ({ page, server }) => {
  const key = makeKey(server.workspace, 'temp', ['search', 'read']);
  await page.goto('/');
  await signIn(page, key);
  await page.getByRole('combobox').waitFor();
  warifu(server.workspace, 'keys', 'revoke', key.split('_')[1]);
  await page.getByRole('combobox').fill('red circle');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

scenario('two people in two browsers see what their own groups may', () => server, { expected: refused }, async ({ page, server }) => {
  const secret = makeKey(server.workspace, 'sora', ['search', 'read'], ['lab']);
  await server.ask('PUT', '/v1/items/secret-pump', { text: 'a secret pump', groups: ['lab'] }, administrator);
  await page.goto('/?q=secret%20pump');
  await signIn(page, secret);
  await page.getByText('a secret pump').first().waitFor();
  const other = await newVisitor(server.url, {}, refused);
  try {
    await other.page.goto('/?q=secret%20pump');
    await signIn(other.page, reader);
    await other.page.getByRole('listitem').first().waitFor();
    assert.equal(await other.page.getByText('a secret pump').count(), 0);
    assert.deepEqual(other.troubles, []);
  } finally {
    await other.context.close();
  }
});
