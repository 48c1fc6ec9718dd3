/**
 * `docs/FEATURES.md` from `features.json`, which says what Keras has, and from what the modules export.
 *
 *     node scripts/features.mjs            writes the file
 *     node scripts/features.mjs --check    fails if it is not what it should be
 *
 * A row of `features.json` is [Keras's name, our names, remark, reason], what is empty at the end left out. The first of our
 * names (`a|b`) that is exported stands in the table, with the remark; without names, Keras's is looked for without regard
 * to case and underscores. Where nothing is exported stands the reason, or that it is not here yet. What is exported and stands in no row is listed with the first sentence
 * of its comment, so that nothing public is missing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { publicValues } from './exports.mjs';

const data = JSON.parse(readFileSync(new URL('features.json', import.meta.url), 'utf8'));
const page = new URL('../docs/FEATURES.md', import.meta.url);

const plain = (name) => name.replaceAll('_', '').toLowerCase();
const cell = (text) => text.replaceAll('|', '\\|');

/** 'Layer.Initializer' in the tree of exports, if it is there. */
const inside = (tree, path) => path.split('.').reduce((at, name) => at?.inside?.[name], { inside: tree });

/** The first of the paths ('Layer.Constraint|Constraint') that is a module. */
const moduleOf = (tree, paths) => paths.split('|').find((path) => inside(tree, path)?.inside !== undefined);

const resolved = (tree, section, [keras, ours = '', remark = '', reason = 'not here yet']) => {
  const home = moduleOf(tree, section.module);
  const own = Object.keys(home === undefined ? {} : inside(tree, home).inside);
  const wanted = ours === '' ? own.filter((name) => plain(name) === plain(keras)) : ours.split('|');
  const paths = wanted.map((name) => (name.includes('.') ? name : `${home ?? section.module.split('|')[0]}.${name}`));
  const here = paths.find((path) => inside(tree, path) !== undefined);
  return { keras, here, remark: here === undefined ? reason : remark };
};

/** Rows of each section, and the paths of exports that no row names. */
export const features = (tree = publicValues()) =>
  data.sections.map((section) => {
    const home = moduleOf(tree, section.module);
    const groups = Object.entries(section.groups).map(([title, rows]) => ({
      title,
      rows: rows.map((row) => resolved(tree, section, row)),
    }));
    return { ...section, home, groups };
  });

const table = (head, rows) =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
  ].join('\n');

const rowText = ({ keras, here, remark }) => [keras, here === undefined ? '-' : `\`${here}\``, remark];

/** The text of the page. */
export const featuresPage = (tree = publicValues()) => {
  const sections = features(tree);
  const named = new Set(sections.flatMap((s) => s.groups.flatMap((g) => g.rows.map((r) => r.here))));
  const homes = new Set(sections.flatMap((s) => (s.home === undefined ? [] : [s.home])));
  const listed = new Set();
  const parts = sections.flatMap((section) => {
    const { title, keras, note, home, groups } = section;
    const rows = groups.flatMap((g) => g.rows);
    const count = `${rows.filter((r) => r.here !== undefined).length} of the ${rows.length} of \`${keras}\` are here.`;
    const besides =
      home === undefined || listed.has(home)
        ? []
        : Object.entries(inside(tree, home).inside)
            .map(([name, value]) => ({ path: `${home}.${name}`, value }))
            .filter(({ path }) => !named.has(path) && !homes.has(path))
            .sort((a, b) => (a.path < b.path ? -1 : 1));
    listed.add(home);
    return [
      `## ${title}`,
      note === undefined ? count : `${count} ${note}`,
      ...groups.flatMap((g) => [
        ...(g.title === '' ? [] : [`### ${g.title}`]),
        table(['Keras', 'grad-ts', ''], g.rows.map(rowText)),
      ]),
      ...(besides.length === 0
        ? []
        : [
            `### Besides, in \`${home}\``,
            table(
              ['grad-ts', ''],
              besides.map(({ path, value }) => [`\`${path}\``, value.says]),
            ),
          ]),
    ];
  });
  return `${[
    '# Features',
    'What Keras 3 has, and where it is here. Written by `node scripts/features.mjs` from `scripts/features.json` and the modules’ exports.',
    'Layouts are channels first, as ONNX’s; names of options are Keras’s in camel case. `-`: not here, and why.',
    ...parts,
  ].join('\n\n')}\n`;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = featuresPage();
  if (!process.argv.includes('--check')) writeFileSync(page, text);
  else if (readFileSync(page, 'utf8') !== text) {
    console.error('docs/FEATURES.md is not what the modules export: run node scripts/features.mjs');
    process.exitCode = 1;
  }
}
