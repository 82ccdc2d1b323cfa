import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const server = { target: 'http://127.0.0.1:3000' };

export default defineConfig({
  root: 'web',
  plugins: [svelte()],
  build: { outDir: '../dist', emptyOutDir: true },
  server: { proxy: { '/imports': server, '/jobs': server } },
});
