/** Bundles `app.js` into the folder `out`, with everything that it imports: `node build.js HOW`. */

/** What a bundle in ES modules needs for the `require` of CommonJS packages, OpenTelemetry's 2.x among them. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const BUILDS = {
  'esbuild to CommonJS': () => esbuild({ format: 'cjs', outfile: 'out/app.cjs' }),
  'esbuild to CommonJS, minified': () => esbuild({ format: 'cjs', outfile: 'out/app.cjs', minify: true }),
  'esbuild to ES modules': () => esbuild({ format: 'esm', outfile: 'out/app.mjs', banner: { js: REQUIRE } }),
  'webpack to CommonJS': () => webpack({ output: { filename: 'app.cjs' } }),
  'webpack to ES modules': () =>
    webpack({ output: { filename: 'app.mjs', module: true, chunkFormat: 'module' }, experiments: { outputModule: true } }),
  'rollup to ES modules': rollup,
  'Vite SSR with everything inlined': vite,
};

async function esbuild(options) {
  const { build } = await import('esbuild');
  await build({ entryPoints: ['app.js'], bundle: true, platform: 'node', logLevel: 'error', ...options });
}

async function webpack({ output, ...options }) {
  const { default: run } = await import('webpack');
  const configuration = { entry: './app.js', target: 'node', mode: 'production', output: { path: `${process.cwd()}/out`, ...output }, ...options };
  const stats = await new Promise((resolve, reject) => {
    run(configuration, (error, done) => (error ? reject(error) : resolve(done)));
  });
  if (stats.hasErrors()) throw new Error(stats.toString('errors-only'));
}

async function rollup() {
  const [{ rollup: run }, { default: resolve }, { default: commonjs }, { default: json }] = await Promise.all([
    import('rollup'),
    import('@rollup/plugin-node-resolve'),
    import('@rollup/plugin-commonjs'),
    import('@rollup/plugin-json'),
  ]);
  const bundle = await run({ input: 'app.js', plugins: [resolve({ preferBuiltins: true }), commonjs(), json()], onwarn: () => undefined });
  await bundle.write({ dir: 'out', format: 'es', entryFileNames: 'app.mjs', chunkFileNames: '[name].mjs' });
}

async function vite() {
  const { build } = await import('vite');
  const output = { entryFileNames: 'app.mjs', chunkFileNames: '[name].mjs' };
  await build({
    logLevel: 'error',
    build: { ssr: 'app.js', outDir: 'out', rollupOptions: { output } },
    ssr: { noExternal: true },
  });
}

await BUILDS[process.argv[2]]();
