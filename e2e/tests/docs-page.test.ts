// The page for people, in a real Chromium: what it shows, what it sends, what it never does.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from './support/chromium.ts';
import { type Standalone, startStandalone } from './support/standalone.ts';

const run = promisify(execFile);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const screenshots = process.env['DOCS_SCREENSHOTS'];

let gateway: Standalone;
let browser: Browser;
beforeAll(async () => {
  gateway = await startStandalone();
  browser = await chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync'],
  });
});
afterAll(async () => {
  await browser.close();
  await gateway.end();
});

type Opened = { readonly page: Page; readonly requested: string[]; readonly complaints: string[] };
const open = async (width = 1280, path = '/docs', colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> => {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const requested: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requested.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  // A refused request is what some of these tests are about; everything else on the console is a fault of the page.
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('the server responded with a status of 4')) complaints.push(message.text());
  });
  await page.goto(`${gateway.adminUrl}${path}`);
  await page.getByRole('heading', { level: 2 }).waitFor();
  return { page, requested, complaints };
};
const send = async (page: Page): Promise<string> => {
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.result .good, .result .bad').waitFor();
  return page.locator('.result').innerText();
};

describe('the documentation page', () => {
  test('shows every endpoint, talks to its own origin only and has nothing to complain about', async () => {
    const { page, requested, complaints } = await open();
    expect(await page.locator('#endpoints a').allInnerTexts()).toEqual(['orders_by_day', 'orders_list', 'orders_total']);
    await page.getByRole('link', { name: 'orders_list' }).click();
    await page.getByRole('heading', { name: 'orders_list' }).waitFor();
    expect(await page.locator('main').innerText()).toContain('<img src=x onerror="document.title=1"> & "quotes"');
    expect(await page.title()).toBe('orders_list · Offloader');
    expect(requested.length).toBeGreaterThan(4);
    expect(requested.filter((url) => !url.startsWith(`${gateway.adminUrl}/`) && !url.startsWith('data:'))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('finds an endpoint by name, description or owner', async () => {
    const { page } = await open();
    await page.getByLabel('Find an endpoint').fill('revenue and');
    expect(await page.locator('#endpoints a').allInnerTexts()).toEqual(['orders_by_day']);
    expect(await page.locator('#found').innerText()).toBe('1 endpoint');
  });

  test('tries an endpoint with a key that stays in the page', async () => {
    const { page, requested } = await open(1280, '/docs#orders_by_day');
    expect(await send(page)).toContain('401');
    await page.getByLabel('API key').fill('acme-token');
    expect(await send(page)).toContain('422: parameter status is required');
    await page.getByLabel('status').selectOption('shipped');
    const answer = await send(page);
    expect(answer).toContain('of snapshot 2026-03-31');
    expect(await page.locator('.result tbody tr').count()).toBeGreaterThan(10);
    expect(requested.filter((url) => url.includes('acme-token'))).toEqual([]);
    const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])');
    expect(kept).not.toContain('acme-token');
  });

  test('shows every digit of a 64-bit integer', async () => {
    const { page } = await open(1280, '/docs#orders_list');
    await page.getByLabel('API key').fill('acme-token');
    expect(await send(page)).toContain('"id": 9007199254742991');
    expect(await page.locator('.result td').first().innerText()).toBe('9007199254742991');
  });

  test('gives snippets that run as they are', async () => {
    const { page } = await open(1280, '/docs#orders_by_day');
    await page.getByLabel('Address of the API').fill(gateway.apiUrl);
    await page.getByLabel('API key').fill('acme-token');
    await page.getByLabel('status').selectOption('open');
    await send(page);
    const shown = JSON.parse(await page.locator('.result pre').innerText()) as { data: unknown };
    const copied = async (language: string): Promise<string> => {
      await page.getByRole('button', { name: `Copy ${language} snippet` }).click();
      return await page.evaluate<string>('navigator.clipboard.readText()');
    };
    const env = { ...process.env, OFFLOADER_API_KEY: 'acme-token' };
    const snippets = { curl: await copied('curl'), TypeScript: await copied('TypeScript'), Python: await copied('Python') };
    for (const text of Object.values(snippets)) expect(text).not.toContain('acme-token');
    const byCurl = JSON.parse((await run('sh', ['-c', snippets.curl], { env })).stdout) as { data: unknown };
    expect(byCurl.data).toEqual(shown.data);
    const byNode = await run(process.execPath, ['--input-type=module-typescript', '--eval', snippets.TypeScript], { env });
    expect(byNode.stdout).toContain('revenue');
    expect((await run('python3', ['-c', snippets.Python], { env })).stdout).toContain('revenue');
  });

  test('fits a phone without scrolling sideways', async () => {
    const { page } = await open(360, '/docs#orders_list');
    await page.getByLabel('API key').fill('acme-token');
    await send(page);
    const [content, width] = await page.evaluate<[number, number]>('[document.documentElement.scrollWidth, innerWidth]');
    expect(content).toBeLessThanOrEqual(width);
  });

  test('works by keyboard alone', async () => {
    const { page } = await open(1280, '/docs');
    const focused = async (): Promise<string> =>
      await page.evaluate<string>('document.activeElement.id || document.activeElement.name || document.activeElement.textContent');
    const tabTo = async (wanted: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses += 1) {
        if ((await focused()) === wanted) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab never came to ${wanted}`);
    };
    await tabTo('orders_total');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'orders_total' }).waitFor();
    await tabTo('key');
    await page.keyboard.type('beta-token');
    await page.keyboard.press('Enter');
    await page.locator('.result .good').waitFor();
    expect(await page.locator('.result').innerText()).toContain('200: 1 rows');
  });

  test.each(['light', 'dark'] as const)('has no accessibility violation that axe finds, %s', async (scheme) => {
    const { page } = await open(1280, '/docs#orders_list', scheme);
    await page.getByLabel('API key').fill('acme-token');
    await send(page);
    // Comes in as the test's own, not as the page's: its policy would refuse it.
    await page.evaluate(axe);
    const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run()');
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
  });

  test('can be looked at', async () => {
    if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
    for (const [name, width, scheme] of [
      ['desktop', 1280, 'light'],
      ['phone', 360, 'light'],
      ['dark', 1280, 'dark'],
    ] as const) {
      const { page } = await open(width, '/docs#orders_by_day', scheme);
      await page.getByLabel('API key').fill('acme-token');
      await page.getByLabel('status').selectOption('shipped');
      await send(page);
      const picture = await page.screenshot(screenshots === undefined ? {} : { path: `${screenshots}/docs-${name}.png` });
      expect(picture.byteLength).toBeGreaterThan(20_000);
    }
  });
});
