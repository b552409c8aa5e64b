r"""Matrices, cases with their conditions and lines below each other, as rules of ``helpers.data.synthetic.grammar``."""

ARRAYS = r"""
row
  5 { @statement } \\
  2 { @statement , } \\
  1 { \displaystyle @statement } \\
  .4 { @statement \hfill } \\
ending
  1 { @statement } \\ \end{array}
  .2 { @statement } \end{array}
  .3 { @statement . } \\ \end{array}
matrix
  6 \left( \begin{array} { c c } { @cell } & { @cell } \\ { @cell } & { @cell } @end \right)
  3 \left( \begin{array} { c } { @cell } \\ { @cell } @end \right)
  1 \left( \begin{array} { c } { @cell } \\ { @cell } \\ { @cell } @end \right)
  1 \left[ \begin{array} { c c } { @cell } & { @cell } \\ { @cell } & { @cell } @end \right]
  1 \left| \begin{array} { c c } { @cell } & { @cell } \\ { @cell } & { @cell } @end \right|
  1 \left( \begin{array} { c c c } @three \\ @three \\ @three @end \right)
  .6 \left( \begin{array} { l l } { @cell } & { @cell } \\ { @cell } & { @cell } @end \right)
  .4 \left( \begin{array} { r r } { @cell } & { @cell } \\ { @cell } & { @cell } @end \right)
  1.8 \left( \begin{array} { c c c } @three \\ { \vdots } & { \ddots } & { \vdots } \\ @three @end \right)
  .4 \left\{ \begin{array} { c c c } @three \\ @three @end \right\}
  1.8 \left( \begin{array} { c | c } { @cell } & { @cell } \\ \hline { @cell } & { @cell } @end \right)
  .4 \begin{array} { c } { @cell } \\ { @cell } @end
  0.8 \begin{pmatrix} { @cell } & { @cell } \\ { @cell } & { @cell } \end{pmatrix}
  1.8 \begin{matrix} { @cell } & { @cell } \\ { @cell } & { @cell } \end{matrix}
  .4 \mathrm { d i a g } ( @cell , @cell , @cell )
three
  1 { @cell } & { @cell } & { @cell }
end once
  9 \\ \end{array}
  1 \end{array}
cell
  9 0
  6 1
  4 - 1
  3 i
  2 - i
  6 @sym
  5 @atom
  3 @fn @x1
  2 - @fn @x1
  6 @iterm
  2 - @iterm
  2 @isum
  1 @call
  .4 \cdots
  .4 \displaystyle @iterm
  .2 \ast
cases
  4 \left\{ \begin{array} { l l } { @entry } & { @case } \\ { @entry } & { @case } @end \right.
  2 \left\{ \begin{array} { c c } { @entry } & { @case } \\ { @entry } & { @case } @end \right.
  1 \left\{ \begin{array} { l l } @choice \\ @choice \\ @choice @end \right.
  .5 \left\{ \begin{array} { l } { @entry @gap @condition } \\ { @entry @gap @condition } @end \right.
  0.8 \begin{cases} { @entry } & { @case } \\ { @entry } & { @case } \end{cases}
choice
  1 { @entry } & { @case }
entry
  5 @expr
  2 0
  2 1
  2 - 1
  2 @expr ,
case
  5 @x1 @compare @c
  4 @x1 @compare 0
  4 \mathrm { f o r } ~ @x1 @compare @c
  3 \mathrm { i f } ~ @x1 @compare 0
  2 \mathrm { o t h e r w i s e }
  2 @n1 = @digit
  1 \mathrm { i f } \; @n1 \; \mathrm { o d d }
  1 \mathrm { e v e n }
  1 @condition
condition
  9 @n1 = 1 , 2 , @dots , @N1
  6 @n1 = 0 , 1 , 2 , @dots
  5 @i1 , @i2 = 1 , @dots , @N1
  4 @i1 = 1 , 2 , 3
  4 @x1 > 0
  3 @x1 \rightarrow 0
  3 @x1 \to \infty
  3 \forall @x1 \in @g1
  3 @x1 \in @g1
  2 \mathrm { f o r } \quad @x1 @compare @c
  2 \mathrm { f o r ~ a l l } ~ @x1
  2 \mathrm { i f } ~ @x1 @compare 0
  2 \mathrm { ~ f o r ~ } @x1 @compare @c
  2 @i1 \neq @i2
  2 0 \leq @x1 \leq @c
  2 @n1 = 1 , . . . , @N1
  1 @x1 = 0
  1 \mathrm { m o d } \, @number
  1 @n1 \in { \bf Z }
  1 @n1 \in \mathbb { Z }
  1 @c1 = \mathrm { c o n s t . }
  1 - \infty < @x1 < \infty
  1 @n1 \geq 1
  2.4 \pmod { @number }
  1.8 ( \bmod { @number } )
  .3 \mathrm { o t h e r w i s e }
compare
  .5 \succeq
  .8 \geqslant
  .8 \leqslant
  5 >
  5 <
  4 \geq
  4 \leq
  2 \ll
  2 \gg
  1 \neq
  1 \ge
  3 \le
  2 \lesssim
  3 \gtrsim
  1.2 \prec
  1.8 \succ
  1.2 \preceq
"""
