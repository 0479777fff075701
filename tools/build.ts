// `npm run build`: the dist of every package.
import { buildPackages } from './compile.ts';
import { listPackages } from './workspace.ts';

buildPackages(listPackages());
