// What a README may claim about errors and examples is what the code does:
// every code in src/errors.ts is in the package's README and the reverse, and every example block is a file of examples/.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listPackages, reportProblems, ROOT, type WorkspacePackage } from './workspace.ts';

const PAPERS = ['README.md', 'DECISIONS.md', 'CHANGELOG.md'] as const;
const DECLARED_CODE = /\bcode\b[^=\n]*= '(ERR_[A-Z0-9_]+)'/g;
const DOCUMENTED_CODE = /`(ERR_[A-Z0-9_]+)`/g;
const EXAMPLE = /<!-- example: (\S+) -->\s*```ts\n([\s\S]*?)```/g;
const LINK = /\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g;

/** Codes by the package that owns them, so that a README may mention a neighbour's code. */
function declaredCodes(pkg: WorkspacePackage): Set<string> {
  const file = join(pkg.dir, 'src/errors.ts');
  if (!existsSync(file)) return new Set();
  return new Set([...readFileSync(file, 'utf8').matchAll(DECLARED_CODE)].map((match) => match[1]!));
}

function docProblems(pkg: WorkspacePackage, owners: ReadonlyMap<string, string>): string[] {
  const problems = PAPERS.filter((paper) => !existsSync(join(pkg.dir, paper))).map((paper) => `${pkg.path}: ${paper} is missing`);
  if (!existsSync(join(pkg.dir, 'README.md'))) return problems;
  const readme = readFileSync(join(pkg.dir, 'README.md'), 'utf8');
  const documented = new Set([...readme.matchAll(DOCUMENTED_CODE)].map((match) => match[1]!));
  for (const code of declaredCodes(pkg)) if (!documented.has(code)) problems.push(`${pkg.path}/README.md does not document ${code}`);
  for (const code of documented) if (!owners.has(code)) problems.push(`${pkg.path}/README.md documents ${code}, which no src/errors.ts declares`);
  problems.push(...exampleProblems(pkg, readme));
  if (pkg.path.startsWith('libs/') && !pkg.manifest.private && ![...readme.matchAll(EXAMPLE)].length) problems.push(`${pkg.path}/README.md shows no example (<!-- example: examples/NAME.ts -->)`);
  return problems;
}

function exampleProblems(pkg: WorkspacePackage, readme: string): string[] {
  return [...readme.matchAll(EXAMPLE)].flatMap(([, file, block]) => {
    const path = join(pkg.dir, file!);
    if (!existsSync(path)) return [`${pkg.path}/README.md shows ${file}, which does not exist`];
    return readFileSync(path, 'utf8').trim() === block!.trim() ? [] : [`${pkg.path}/README.md: the example differs from ${file}`];
  });
}

/** Links between the papers must lead somewhere. */
function linkProblems(dir: string, label: string): string[] {
  return ['README.md', 'DECISIONS.md'].flatMap((paper) => {
    const file = join(dir, paper);
    if (!existsSync(file)) return [];
    return [...readFileSync(file, 'utf8').matchAll(LINK)].filter(([, target]) => !existsSync(join(dir, target!))).map(([, target]) => `${label}${paper} links to ${target}, which does not exist`);
  });
}

const packages = listPackages();
const owners = new Map(packages.flatMap((pkg) => [...declaredCodes(pkg)].map((code) => [code, pkg.manifest.name] as const)));
reportProblems('docs', [
  ...packages.flatMap((pkg) => [...docProblems(pkg, owners), ...linkProblems(pkg.dir, `${pkg.path}/`)]),
  ...linkProblems(ROOT, ''),
]);
