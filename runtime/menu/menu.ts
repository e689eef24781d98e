/** A sample menu. The prompt takes this file's text as it stands, so plain declarations read best. */
export const menu = [
  { name: 'House blend', sizes: ['small', 'medium', 'large'], price: 3.2 },
  { name: 'Flat white', sizes: ['small', 'medium'], price: 3.9 },
  { name: 'Cold brew', sizes: ['medium', 'large'], price: 4.1 },
  { name: 'Cinnamon bun', price: 3.5 },
]
