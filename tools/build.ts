// `npm run build`: the dist of every package.
import { compile } from './compile.ts';
import { listPackages } from './workspace.ts';

const packages = listPackages();
process.exitCode = compile(packages.map(({ path }) => path));
// The compiler says nothing when all is well.
if (process.exitCode === 0) console.log(`built the dist of ${packages.length} packages`);
