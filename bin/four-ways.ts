import { buildBundles } from '../tools/build/build';

buildBundles().then((b) => console.table(b.map(({ directory, ...r }) => r)));
