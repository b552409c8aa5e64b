r"""Sums, integrals, derivatives, brackets and matrices, as rules of ``helpers.data.synthetic.grammar``."""

CALCULUS = r"""
big
  10 @integral
  9 @summation
  1.5 \prod _ { @n1 = 1 } ^ { @N1 } @factors
  1 \prod _ { @i1 } @factors
  .5 \prod _ { @i1 < @i2 } ( @x _ { @i1 } - @x _ { @i2 } )
  0.44 \bigoplus _ { @n1 } @atom
  0.44 \bigotimes _ { @n1 = 1 } ^ { @N1 } @atom
  0.88 \bigcup _ { @n1 } @atom
  0.44 \bigcap _ { @n1 } @atom
  0.88 \coprod _ { @n1 } @atom
  0.44 \bigwedge ^ { @n1 } @sym
  0.44 \bigvee _ { @n1 } @sym
limited
  1 \limsup _ { @n1 } @factor
  1 \liminf _ { @n1 \to \infty } @factor
  4 \lim _ { @x1 \rightarrow 0 } @factor
  2 \lim _ { @x1 \to \infty } @factor
  2.2 \mathop { \lim } _ { @x1 \to 0 } @factor
  1.54 \operatorname* { l i m } _ { @x1 \rightarrow \infty } @factor
  1.32 \max _ { @i1 } @atom
  1.32 \min _ { @x1 } @atom
  1.32 \sup _ { @x1 \in @g1 } @factor
  1.1 \inf _ { @x1 } @factor
  0.66 \mathop { \sum } _ { @n1 } @factor
summation
  6 \sum _ { @n1 = 0 } ^ { \infty } @factors
  6 \sum _ { @n1 = 1 } ^ { @N1 } @factors
  2 \sum _ { @n1 = 1 } ^ { \infty } @factors
  2 \sum _ { @n1 = - \infty } ^ { \infty } @factors
  6 \sum _ { @i1 } @factors
  3 \sum _ { @n1 } @factors
  2 \sum _ { @i1 , @i2 } @factors
  1 \sum _ { @i1 < @i2 } @factors
  .7 \sum _ { @i1 \neq @i2 } @factors
  1 \sum _ { @i1 = 1 } ^ { @N1 } \sum _ { @i2 = 1 } ^ { @N1 } @factors
  .5 \sum _ { @n1 \geq 0 } @factors
  .5 \sum _ { @x \in @g } @factors
  1.1 \sum \limits _ { @n1 = 1 } ^ { @N1 } @factors
  .3 \sum _ { @n1 } { } ^ { \prime } @factors
  .3 \sum _ { \stackrel { @i1 , @i2 } { @i1 \neq @i2 } } @factors
  0.44 \sum _ { @n1 = 1 \atop @n1 \neq @N1 } ^ { \infty } @factors
  .2 { \sum _ { @i1 } } ^ { \prime } @factors
integral
  8 \int @measure @factors
  8 \int _ { 0 } ^ { \infty } @measure @factors
  4 \int _ { - \infty } ^ { \infty } @measure @factors
  3 \int _ { 0 } ^ { 1 } @measure @factors
  3 \int _ { 0 } ^ { @c } @measure @factors
  2 \int _ { @c } ^ { @x1 } @measure @factors
  2 \int _ { 0 } ^ { 2 \pi } @measure @factors
  2 \int _ { @g } @factors
  2 \int _ { - @c } ^ { @c } @measure @factors
  4 \int @factors \, @measure
  3 \int _ { @c } ^ { @c } @factors @measure
  3 \int d ^ { @number } x \sqrt { - g } @group
  2 \int \frac { d ^ { @number } @x1 } { ( 2 \pi ) ^ { @number } } @factors
  2 \int \! @measure \, @factors
  1 \int _ { @g } @measure \; @factors
  1 \int @measure \ @factors
  1 \int { \cal D } @f @exponential
  .6 \int [ d @f ] @exponential
  .6 \int \mathcal { D } @f \, @exponential
  1 \oint _ { @g } \frac { d @x1 } { 2 \pi i } @factors
  1 \oint @measure @factors
  .7 \int _ { \partial @g } @factors
  .6 \int \! \! \! \int @measure @factors
  0.88 \int \limits _ { 0 } ^ { \infty } @measure @factors
  0.66 \iint _ { @g } @measure @factors
  .3 \int _ { 0 } ^ { 1 } \! \! @measure @factors
  .3 \int { \frac { d @x1 } { @x1 } } @factors
measure
  10 d @x1
  6 d ^ { @number } @x1
  2 d @x1 d @x2
  1 d ^ { @number } @x1 \, d ^ { @number } @x2
  1 d @x1 \, d @x2
  1 d ^ { D } @x1
  1 { \rm d } @x1
  1 \mathrm { d } @x1
  1 d \vec { @V }
  .5 d ^ { 3 } { \bf @V }
  .5 d \mu ( @x1 )
  .5 d \Omega _ { @n }
  .3 { d @x1 }
derivative
  8 \partial _ { @mu } @atom
  3 \partial ^ { @mu } @atom
  2 \nabla _ { @mu } @atom
  2 D _ { @mu } @atom
  5 \frac { \partial @f } { \partial @x }
  3 \frac { d @f } { d @x }
  3 \frac { d @x1 } { d t }
  3 \frac { \partial } { \partial @x } @factor
  2 \frac { d } { d @x } @factor
  3 \frac { \partial ^ { 2 } @f } { \partial @x ^ { 2 } }
  1.5 \frac { d ^ { 2 } @f } { d @x ^ { 2 } }
  1.5 \frac { \partial ^ { 2 } @f } { \partial @x1 \partial @x2 }
  2 \frac { \delta @f } { \delta @f }
  2 \frac { \partial @iterm } { \partial @x ^ { @i } }
  1 \frac { \delta S } { \delta @f ( @x ) }
  1 \frac { \partial @f ( @argument ) } { \partial @x _ { @i } }
  1 { \frac { \partial @f } { \partial @x } }
  1 \partial _ { @x } @atom
  1 \partial _ { @x } ^ { 2 } @atom
  1 \partial _ { + } @f \partial _ { - } @f
  1 \nabla ^ { 2 } @f
  .1 \partial \bar { \partial } @f
  .6 \stackrel { \leftrightarrow } { \partial } _ { @mu } @f
  .4 \stackrel { \leftarrow } { \partial } @f
  .4 \stackrel { \rightarrow } { @V } @f
  .1 \overleftarrow { \partial } @f
  .1 \triangle @f
  .3 \partial ^ { 2 } @f
  .5 \Box @f
  .1 \partial \! \! \! / @f
  .1 \not \! \partial @f
  .3 D \! \! \! \! / \, @f
  .3 \frac { \mathrm { d } @f } { \mathrm { d } @x }
  .1 \partial \slash @f
  .1 \overleftrightarrow { \partial } @f
  .1 \not { \! \partial } @f
  .1 \bigtriangleup @f
braket
  5 \langle @iterm \rangle
  4 \langle @state | @iterm | @state \rangle
  3 | @state \rangle
  2 \langle @state | @state \rangle
  1.5 | @state >
  1 < @iterm >
  1 < @state | @iterm | @state >
  1 \left\langle @iterm \right\rangle
  1 \left\langle @state \left| @iterm \right| @state \right\rangle
  1 \left| @state \right\rangle
  1 \langle @state \mid @state \rangle
  1 \mid @state \rangle
  .7 \langle @state \vert @iterm \vert @state \rangle
  .4 \vert @state \rangle
  .4 \mid @state >
  .6 \langle @f ( @x1 ) @f ( @x2 ) \rangle
  0.44 \left< @iterm \right>
  .3 \big \langle @iterm \big \rangle
  .2 \bigg \langle @sum \bigg \rangle
state
  6 0
  6 \psi
  4 @f
  3 @n
  3 @x
  2 @n _ { @digit }
  2 @x @prime
  1 @n , @n
  1 \Omega
  1 @f _ { @low }
  1 \mathrm { v a c }
  0.8 \uparrow
  0.8 \downarrow
bracket
  9 [ @operator , @operator ]
  4 \{ @operator , @operator \}
  3 \left[ @operator , @operator \right]
  3 \left\{ @operator , @operator \right\}
  1 [ @operator , [ @operator , @operator ] ]
  1 \{ @f ( @x1 ) , @f ( @x2 ) \}
  1 [ @f , @f ] _ { @low }
  .5 [ @operator , @operator \}
  .5 \langle @operator , @operator \rangle
  .4 ( @operator , @operator )
  .4 \left( @operator , @operator \right)
  0.66 \lbrace @operator , @operator \rbrace
operator
  10 @O
  7 @O _ { @i }
  3 @O _ { @n }
  3 @O ^ { @i }
  3 @O ^ { \dagger }
  2 @O _ { @i } ^ { \dagger }
  2 \hat { @O }
  2 @O _ { @mu @mu }
  2 @x
  2 @accented
  1 \bar { @O } _ { @low }
  1 @f ( @x )
  1 @O _ { @n } ^ { @i }
  1 { \cal @K }
  1 @iterm
vectors
  6 @vector \cdot @vector
  5 @vector \times @vector
  3 \vec { \nabla } \cdot @vector
  2 \vec { \nabla } \times @vector
  2 \nabla \cdot @vector
  1 \nabla \times @vector
  1 { \bf \nabla } @f
  2 | @vector |
  2 @vector ^ { 2 }
  1 \left| @vector \right|
  1 ( @vector \cdot @vector )
  .4 \mathrm { d i v } \, @vector
  .4 \mathrm { g r a d } \, @f
  .4 \mathrm { r o t } \, @vector
  .4 \vec { @V } \, ^ { 2 }
  .4 { \vec { @V } } ^ { \, 2 }
trace
  5 @tr @iterm
  4 @tr ( @isum )
  3 @tr \left( @sum \right)
  2 @tr [ @isum ]
  2 @tr \left[ @sum \right]
  1 @tr \left\{ @sum \right\}
tr once
  6 \mathrm { T r }
  5 \mathrm { t r }
  3 { \rm T r }
  3 { \rm t r }
  .3 T r
  .3 t r
  1 \mathrm { T r } \,
  .3 \mathrm { S T r }
  .3 \operatorname { T r }
norm
  6 | @iterm |
  4 | @iterm | ^ { 2 }
  3 \left| @sum \right|
  2 \left| @sum \right| ^ { 2 }
  1 \vert @iterm \vert
  1 \Vert @iterm \Vert
  1 \| @iterm \|
  1.32 \left\| @sum \right\|
  0.88 \left\vert @sum \right\vert
  0.88 \left\Vert @sum \right\Vert
  .3 \big | @sum \big |
  .3 \bigg | @sum \bigg |
  .3 \Big | @sum \Big |
  .2 \Big \vert @sum \Big \vert
binomial
  3 \binom { @n } { @n }
  2 { @n \choose @n }
  2 \left( \begin{array} { c } { @n } \\ { @n } \\ \end{array} \right)
  1 \frac { @N ! } { @n ! ( @N - @n ) ! }
  1 @n !
  0.88 \left[ { @n \atop @n } \right]
decorated
  3 \underbrace { @sum } _ { @low }
  2 \overbrace { @isum } ^ { @low }
  2 \overline { @iterm }
  2 \widetilde { @iterm }
  1 \widehat { @iterm }
  1 \underline { @iterm }
  1 \stackrel { \circ } { @T }
  2.64 \overset { \circ } { @T }
  1.32 \underset { @low } { @T }
  1.1 \fbox { @sym }
  0.88 \hphantom { @sym } @sym
  1.76 \phantom { @sym } @sym
  1.32 \vphantom { @sym } @sym
"""
