r"""Signs with what hangs on them: accents, fonts, scripts, as rules of ``helpers.data.synthetic.grammar``."""

SCRIPTS = r"""
sym
  13 @x
  12 @main
  5 @c
  3 @f
  2 @T
  1 @O
  1.8 @accented
  4 @vector
  .8 @script
  .5 \Gamma
  .15 @late
  .2 \ell
  .4 \Delta
  .15 \mathrm { @K }
  .03 \Re
  .03 \Im
  .1 \hbar
  .06 \top
main once
  7 @f
  4 @T
  2 @c
  2 @O
accented once
  .5 \rlap { / } @x
  .3 \pmb { @V }
  .3 \mathscr { @K }
  6 \bar { @f }
  5 \tilde { @f }
  5 \hat { @O }
  4 \dot { @x }
  1.5 \ddot { @x }
  2 \vec { @V }
  2 \overline { @f }
  1 \widetilde { @O }
  1 \widehat { @O }
  1 { \bar { @x } }
  1 { \tilde { @T } }
  1 { \hat { @x } }
  1 \underline { @x }
  .3 \underline { { @x } }
  .3 \overline { { @f } }
  1.2 \check { @T }
  0.6 \breve { @f }
  0.8 \acute { @x }
  0.8 \grave { @x }
  0.8 \overrightarrow { @V }
  0.6 \mathring { @f }
vector once
  14 { \bf @V }
  5 \vec { @V }
  3 \mathbf { @V }
  1 { \vec { @V } }
  .4 \boldsymbol { @V }
  .2 { \bf { @V } }
script once
  6 { \cal @K }
  4 \mathcal { @K }
  1 { \mathcal @K }
  1 \mathbf { @K }
  .6 { \bf @K }
  .5 { \rm @K }
  .6 { \mit @f }
  0.8 { \it @K }
  0.8 { \sf @K }
  .6 \mathbb { @K }
  0.8 \mathsf { @K }
  0.8 \mathfrak { @g }
  0.6 \mathit { @K }
  0.8 { \tt @g }
atom
  7 @sym
  36 @sym _ { @low }
  15 @sym ^ { @high }
  16 @sym _ { @low } ^ { @high }
  7 @tensor
  4 @x _ { @i }
  7 @x ^ { 2 }
  1.5 @f @prime
  1.2 @T { } ^ { @mu } { } _ { @mu }
  .5 @T _ { @mu } { } ^ { @mu }
  .4 { } ^ { @n } @sym
  .4 @sym _ { @low } { } ^ { @high }
  .1 @sym _ { } ^ { @high }
  .4 { @sym } _ { @low }
  .4 { @sym } ^ { @high }
  .3 @sym ^ { @high } _ { @low }
  .1 @x '
tensor
  8 @T _ { @mu @mu }
  5 @T ^ { @mu @mu }
  2 \partial _ { @mu } @f
  3 @T _ { @mu @mu } ^ { @i }
  3 @T _ { @mu } ^ { @mu @mu }
  2 @T _ { @mu @mu @mu @mu }
  2 \gamma ^ { @mu }
  1 \partial ^ { @mu } @f
  2 \epsilon ^ { @i @i @i }
  2 \delta _ { @i @i }
  1 \eta ^ { @mu @mu }
  1 @f _ { , @mu }
  1 @T ^ { @mu _ { 1 } @dots @mu _ { @n } }
  1 @T _ { @i _ { 1 } @i _ { 2 } }
  .5 @T _ { [ @mu @mu ] }
  .5 @T _ { ( @mu @mu ) }
  .5 @T _ { @mu ; @mu }
  .4 @T _ { { @mu } { @mu } }
  .3 \varepsilon _ { @mu @mu @mu }
  .2 @T _ { \alpha \dot { \alpha } }
  .2 @T _ { @mu | @mu }
  .3 @T ^ { @mu } \! _ { @mu }
prime once
  9 ^ { \prime }
  2 ^ { \prime \prime }
  1 ^ { ' }
  .3 ^ { ' ' }
  .4 { } ^ { \prime }
low
  36 @lows
  12 @i
  9 @digit
  8 1
  8 0
  6 @mu
  5 @n
  5 2
  4 @i @i
  2 @mu @mu
  3 @x
  2 @K
  1.5 @n + 1
  1.5 @n - 1
  1 +
  1 -
  .6 \pm
  .8 @i , @i
  .6 @digit @digit
  .5 1 , 2
  .6 ( @n )
  .6 @f
  .7 @word
  .5 @n , @n
  .5 \infty
  .5 \perp
  .4 \ast
  .3 \parallel
  .4 @x _ { @digit }
  .5 @i _ { @n }
  .3 @i = 1
  .2 @x = 0
  .2 *
  .3 \bar { @i }
  .2 \mp
  .2 @x @prime
  .2 \vec { @V }
  .2 \odot
  .1 \circ
  .1 \star
  0.2 \bot
lows once
  9 @i
  6 @digit
  6 @mu
  4 @n
  3 0
  3 1
  2 @i @i
  1 @K
highs once
  6 2
  5 @mu
  5 @i
  3 @n
  2 \prime
  2 \dagger
  2 ( @n )
  2 \ast
  1 *
high
  20 @highs
  20 2
  5 @mu
  5 @i
  5 @n
  3 @digit
  3 - 1
  2.5 @number
  5 \prime
  2.5 \dagger
  1.3 \ast
  1.3 *
  2 ( @digit )
  1.5 ( @n )
  1.5 @mu @mu
  1.5 @i @i
  1.2 \prime \prime
  1 +
  1 -
  1.5 @n - 1
  1 @n + 1
  1 1 / 2
  .8 - 1 / 2
  .7 @smallnumber / @number
  .4 3 / 2
  .7 - @number
  .7 @n / 2
  .6 @half
  .5 \frac { @n } { 2 }
  .6 - @n
  1 @number @n
  .6 @word
  .5 \pm
  .4 @c
  .3 \prime 2
  .3 T
  .2 \perp
  .2 \vee
  0.4 \sharp
  0.4 \flat
  .2 \star
  0.2 \natural
  .2 \dag
  .3 \ddag
  .2 \circ
  .2 \mp
  .1 \wedge
  .1 \times
  0.2 \ddagger
"""
