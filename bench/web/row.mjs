// One figure of the page in Chromium, as a line of JSON.
//
//     node bench/web/row.mjs NAME OPTIONS
const [name, options] = process.argv.slice(2);
const { row } = await import(`./rows/${name}.mjs`);
process.stdout.write(`${JSON.stringify(await row(JSON.parse(options)))}\n`);
