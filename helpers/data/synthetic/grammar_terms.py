r"""Terms and factors of made-up formulas, as rules of ``helpers.data.synthetic.grammar``.

A line without indent names a rule; below it stand the ways to write it, each with its weight. ``@name`` is another rule
or a letter of that kind, ``@name2`` the second letter of the formula's cast, all else is written as it stands. A rule
marked ``once`` is written in one way all through a formula: there people differ, not formulas.
"""

TERMS = r"""
expr
  20 @term + @sum
  16 @term - @sum
  6 - @term + @sum
  4 - @term - @sum
  14 @coefficient @factors
  7 - @coefficient @factors
  14 @factor @factors
  6 - @factors
  7 @big
  2 @sym _ { @low }
  2 @call
  2 @fraction
  2 @group
  1 @root
  1 @exponential
  1 @c1 _ { 1 } @x1 _ { 1 } + @dots + @c1 _ { @n1 } @x1 _ { @n1 }
  .5 @f1 _ { 1 } + @f1 _ { 2 } + @dots + @f1 _ { @N1 }
sum
  40 @term
  18 @term + @term
  15 @term - @term
  9 @term + @term + @term
  5 @term - @term + @term
  5 @term - @term - @term
  3 @term + @term - @term
  2 @term + @term + @term + @term
  2 @term + @term + @sum
  1 @term \pm @term
  .4 @term \mp @term
  1.5 @term + @dots + @term
  .5 @term + \ @dots \ + @term
  .2 @term \, + \, @term
  .5 @term \oplus @term
  .2 @term ~ + ~ @term
  .2 @term \ - \ @term
dots once
  5 \cdots
  5 \ldots
  2 \dots
term
  40 @factors
  12 @coefficient @factors
  .3 @number
  8 @big
  1.2 @factor \otimes @factor
  1.2 @factor \cdot @factor
  .5 @factor \times @factor
  .7 @factor \wedge @factor
  .4 @factor \circ @factor
  .15 @atom \sqcup @atom
  .15 @atom \sqcap @atom
  .15 @atom \diamond @atom
  .15 @atom \uplus @atom
  .15 @atom \oslash @atom
  .15 @atom \bigcirc @atom
  .15 @atom \triangleright @atom
  .15 @atom \bowtie @atom
  .4 @factor \ast @factor
  .3 @factor * @factor
  .6 @factor / @atom
  .15 @atom \star @atom
  .15 @atom \bullet @atom
  .15 @atom \odot @atom
  0.2 @atom \ominus @atom
  0.2 @atom \amalg @atom
  .1 @atom \div @atom
  .3 @sym \rfloor @sym
factors
  26 @factor
  32 @factor @factor
  20 @factor @factor @factor
  8 @factor @factor @factor @factor
  1 @factor @factors
  .4 @factor \, @factors
  .5 @factor \ @factors
  .15 @factor \; @factors
  .3 @factor \! @factors
  .1 @factor ~ @factors
  .2 @factor \: @factors
factor
  50 @atom
  8 @call
  5 @group
  9 @fraction
  2.5 @root
  3 @function
  3 @exponential
  2.5 @derivative
  1.2 @braket
  2 @bracket
  2 @vectors
  1.5 @trace
  .4 @norm
  .4 @binomial
  .8 @matrix
  .8 @decorated
  .3 { @factor }
  1 @limited
coefficient
  9 @number
  4 @half
  5 \frac { 1 } { @number }
  1.5 \frac { 3 } { @even }
  .7 \frac { i } { @even }
  5 i
  3 @c1
  2 @number \pi
  2 \frac { 1 } { @c1 }
  2 \frac { @c1 } { @number }
  2 @number i
  1 \frac { 1 } { @number \pi }
  1 \frac { 1 } { 4 \pi ^ { 2 } }
  1 \frac { 1 } { ( 2 \pi ) ^ { @number } }
  1 \frac { 1 } { @c1 ^ { 2 } }
  1 \frac { @c1 ^ { 2 } } { @number }
  1 \sqrt { @number }
  1 \frac { 1 } { \sqrt { @number } }
  1 @c1 ^ { 2 }
  1 @c1 @c2
  1 1 @digit
  .6 ( - 1 ) ^ { @n1 }
  .4 i \hbar
  .4 \frac { 1 } { @number ! }
  .3 \frac { @c } { 1 @digit }
  .3 @digit . @digit
  .15 \frac 1 4
  .3 \frac { 1 } { 1 6 \pi G }
  .2 \frac { @number } { 3 2 \pi ^ { 2 } }
  .3 1 0 ^ { - @number }
  .1 \pi ^ { @n / 2 }
half once
  10 \frac { 1 } { 2 }
  5 { \frac { 1 } { 2 } }
  1 { \textstyle { \frac { 1 } { 2 } } }
  .6 { \textstyle \frac { 1 } { 2 } }
  1 { \scriptstyle { \frac { 1 } { 2 } } }
  .4 { 1 \over 2 }
  .2 \frac 1 2
  0.8 { \scriptscriptstyle \frac { 1 } { 2 } }
  1.2 { \small \frac { 1 } { 2 } }
smallnumber
  6 1
  1 3
fraction
  22 \frac { @isum } { @isum }
  8 \frac { 1 } { @isum }
  6 { \frac { @isum } { @isum } }
  3 \frac { @smallnumber } { @number @iterm }
  1 \frac { @isum } { ( @isum ) ^ { 2 } }
  2 { \frac { 1 } { @isum } }
  1 \frac { \displaystyle @isum } { \displaystyle @isum }
  .4 { @isum \over @isum }
  .4 { \displaystyle \frac { @isum } { @isum } }
  .4 \displaystyle \frac { @isum } { @isum }
  .06 \left. @isum \right/ @atom
  .3 \dfrac { @isum } { @isum }
  .3 \tfrac { 1 } { @number }
root
  12 \sqrt { @isum }
  1 \sqrt { \frac { @isum } { @isum } }
  1 \sqrt { \displaystyle \frac { @isum } { @isum } }
  1 \sqrt { - @T }
  .7 \sqrt { - \det @T }
  .6 \sqrt [ @number ] { @isum }
  .2 \surd @atom
function
  9 @fn @atom
  6 @fn ( @isum )
  5 @trig ^ { 2 } @x
  2 @fn \left( @sum \right)
  1.5 @fn \left[ @sum \right]
  1.5 @fn \frac { @iterm } { @iterm }
  1 \det ( @isum )
  .7 \det \left( @isum \right)
  .3 \det { } ^ { \prime } @sym
  .5 @fn \left\{ @sum \right\}
  0.6 \operatorname { t a n h } @x
  0.6 \operatorname { s g n } ( @x )
  .3 \mathrm { s i g n } ( @x )
  .3 \mathrm { s g n } ( @x )
  .3 \mathrm { e r f c } ( @x )
  0.4 \Im @sym
  .2 \Re @sym
  0.6 \dim @sym
  0.6 \ker @sym
  0.4 \deg @sym
  .2 \mathrm { L i } _ { 2 } ( @x )
  0.4 \hom ( @sym , @sym )
exponential
  9 e ^ { @exponent }
  2 \exp ( @expr )
  3 \exp \left( @expr \right)
  2 \exp \left[ @expr \right]
  1.5 \exp \left\{ @expr \right\}
  1 \mathrm { e } ^ { @exponent }
  .4 { \rm e } ^ { @exponent }
  .3 \exp \Big \{ @expr \Big \}
exponent
  8 - @iterm
  6 i @ifactors
  2 @number i @ifactors
  4 @iterm
  3 - i @ifactors
  1 @isum
  1 \pm i @x
  1 2 \pi i @ifactors
  1 - @x ^ { 2 } / 2
  1 i @x ( @isum )
  .6 - \frac { @iterm } { @iterm }
  .4 \frac { @iterm } { @iterm }
"""
