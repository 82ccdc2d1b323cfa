import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const server = { target: 'http://127.0.0.1:3000' };

export default defineConfig({
  root: 'web',
  plugins: [vue()],
  build: { outDir: '../dist', emptyOutDir: true },
  server: { proxy: { '/imports': server, '/jobs': server } },
});
