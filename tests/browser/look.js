// What a browser makes of results: Heimdall Lite of HDF, and the page of `--reporter html`.
// Arguments: the folder node_modules, the browser, results in HDF, their page, a page of hostile results. Prints JSON.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const [modules, executablePath, results, page, hostile] = process.argv.slice(2);
const { chromium } = require(path.join(modules, 'playwright-core'));

function serve(folder) {
  const kinds = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
  const server = http.createServer((request, response) => {
    const name = path.normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
    const file = path.join(folder, name === '/' ? 'index.html' : name);
    if (!fs.existsSync(file) || !fs.statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': kinds[path.extname(file)] ?? 'application/octet-stream' });
    fs.createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

// The words of Heimdall's page after a file was loaded, on one line.
async function heimdall(browser) {
  const server = await serve(path.join(modules, '@mitre/heimdall-lite/dist'));
  const tab = await browser.newPage({ viewport: { width: 1400, height: 1300 } });
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForSelector('input[type=file]', { state: 'attached' });
  await tab.setInputFiles('input[type=file]', results);
  await tab.waitForFunction(() => /Compliance Level\s+Score\s+\d/.test(document.body.innerText));
  const words = (await tab.locator('body').innerText()).replace(/\s+/g, ' ');
  await tab.close();
  server.close();
  return words;
}

async function ours(browser) {
  const seen = { complaints: [], requests: [], too_wide: [], filters: {} };
  const open = async (options, file = page) => {
    const tab = await browser.newPage(options);
    tab.on('console', (message) => seen.complaints.push(message.text()));
    tab.on('pageerror', (error) => seen.complaints.push(String(error)));
    tab.on('dialog', (dialog) => { seen.complaints.push(dialog.message()); dialog.dismiss(); });
    tab.on('request', (request) => seen.requests.push(request.url()));
    await tab.goto(`file://${file}`);
    return tab;
  };
  const shown = (tab) => tab.locator('.control:visible').count();
  for (const width of [320, 1200]) {
    for (const [colorScheme, file] of [['light', page], ['dark', page], ['light', hostile]]) {
      const tab = await open({ viewport: { width, height: 900 }, colorScheme }, file);
      const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) seen.too_wide.push(`${wide} pixels at ${width}`);
      await tab.close();
    }
  }
  const tab = await open({});
  seen.filters.all = await shown(tab);
  seen.words = await tab.locator('#shown').innerText();
  await tab.fill('#search', 'PASSWD owned');
  seen.filters.searched = await shown(tab);
  await tab.fill('#search', '');
  await tab.uncheck('input[value=failed]');
  seen.filters.without_failed = await shown(tab);
  await tab.uncheck('input[value=high]');
  seen.filters.without_high = await shown(tab);
  await tab.click('#open');
  seen.filters.closed = await tab.locator('.control:not([open])').count();
  await tab.close();
  const plain = await open({ javaScriptEnabled: false });
  seen.filters.without_scripts = await shown(plain);
  seen.filters.bar_without_scripts = await plain.locator('#filter:visible').count();
  return seen;
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    console.log(JSON.stringify({ heimdall: await heimdall(browser), ours: await ours(browser) }));
  } finally {
    await browser.close();
  }
})();
