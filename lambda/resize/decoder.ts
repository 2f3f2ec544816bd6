import { startDecoder } from '../../workload/decoder-process';
import { wrongPlatform } from '../../workload/platform';

const foreign = wrongPlatform(__dirname);
if (foreign) throw new Error(foreign);

/** Starts when it is imported. */
export const started = startDecoder();
