// Asks the real readers of HDF, all in one process because each start of SAF takes seconds.
//
// Argument: the folder of @mitre/saf. Standard input: { "files": [HDF…], "commands": [[argument…]…] }.
// Standard output: { "controls": [controls of each file as inspecjs sees them…], "commands": [{ code, out, err }…] }.
'use strict';

const fs = require('fs');
const { createRequire } = require('module');

const root = process.argv[2];
const fromSaf = createRequire(`${root}/package.json`);
const inspecjs = fromSaf('inspecjs');
const oclif = fromSaf('@oclif/core');

function controls(file) {
  const evaluation = inspecjs.convertFileContextual(fs.readFileSync(file, 'utf8'));
  return evaluation.contains.flatMap((profile) =>
    profile.contains.map((control) => ({
      profile: profile.data.name,
      id: control.data.id,
      status: control.root.hdf.status,
      severity: control.root.hdf.severity,
      waived: control.root.hdf.waived,
      counts: control.extendedBy.length === 0,
    })),
  );
}

async function run(argv) {
  const written = { out: '', err: '' };
  const [toOut, toErr] = [process.stdout.write, process.stderr.write];
  const keep = (name) => (chunk, encoding, done) => {
    written[name] += chunk;
    (typeof encoding === 'function' ? encoding : done)?.();
    return true;
  };
  process.stdout.write = keep('out');
  process.stderr.write = keep('err');
  process.exitCode = 0;
  try {
    await oclif.run(argv, { root });
  } catch (error) {
    process.exitCode ||= 1;
    written.err += String(error);
  } finally {
    process.stdout.write = toOut;
    process.stderr.write = toErr;
  }
  return { code: process.exitCode, ...written };
}

async function main() {
  const asked = JSON.parse(fs.readFileSync(0, 'utf8'));
  const answer = { controls: asked.files.map(controls), commands: [] };
  for (const argv of asked.commands) answer.commands.push(await run(argv));
  process.exitCode = 0;
  process.stdout.write(JSON.stringify(answer));
}

main();
