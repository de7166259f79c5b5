/**
 * Properties are drawn from one seed, so that a run says of a change what the run before it said of the code it changed. PROPERTY_SEED=7 draws other
 * cases: a campaign over many seeds is how new counterexamples are found, and each becomes a case of its own.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 20_261_120) });
