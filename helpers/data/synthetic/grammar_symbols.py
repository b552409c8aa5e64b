r"""Letters of made-up formulas: ``kind weight letters``, see ``helpers.data.synthetic.grammar``.

A formula takes its letters of a kind from one line. Kinds: ``x`` variables, ``f`` functions and fields, ``T`` tensors
and gauge fields, ``O`` operators and algebra, ``V`` vectors, ``K`` capital names, ``c`` constants, ``i`` and ``mu``
indices, ``n`` whole numbers, ``N`` their bounds, ``g`` groups and sets, ``number``, ``even``, ``digit``, ``fn``
functions, ``trig`` those of angles, ``late`` letters that come seldom.
"""

SYMBOLS = r"""
x 12 x z y r
x 6 r \theta \phi t
x 4 z w u v
x 4 p k q m
x 5 x p k r
x 3 x a t
x 2 s t u v
x 2 t \tau s \sigma
x 2 \xi \eta \zeta \tau
x 1 \sigma \tau \rho \lambda
x 1 X Y Z U
x 2 \lambda \mu \nu \kappa
x 1 \theta \varphi \vartheta \phi
x 2 \omega \nu k \Omega
x 2 a b c d
x 1 \alpha \beta \gamma \delta
x 1 \epsilon \varepsilon \delta \eta
f 5 f g h F G
f 6 \phi \psi \chi \Phi \Psi \varphi
f 2 u v w \omega
f 3 V U W \Phi
f 3 S Z W \Gamma J
f 1 \rho \omega \tau \varrho
f 2 \Phi \phi \Psi
f 1 \Theta \Xi \Upsilon \Lambda \Sigma \Omega
f 1 \eta \xi \zeta \lambda
f 1 y z w
f 3 K G D P R
f 1 \psi \lambda \epsilon \theta
f 2 A B C D E
f 1 H L M N
f 1 a b q p
f 1 \pi \Pi \Delta \varpi
f 1 J I Y Q
T 6 F A H B
T 3 A B F G
T 4 g h R T G
T 2 \Gamma R \omega e
T 2 T J S \Theta
T 2 \epsilon \gamma \eta \delta
T 1 \sigma \gamma \Sigma
T 2 M L K
T 1 C K M W
T 1 \Omega \Lambda \Pi \Phi
T 1 H B E D
T 1 f d c
T 1 X Y Z P
T 1 \epsilon \varepsilon \theta \lambda
O 5 H Q P J
O 3 L J S T
O 3 a b c d
O 2 X P Q Y
O 2 A B C D
O 2 D \Delta \Omega \Gamma
O 2 U V S W
O 1 M N K R
O 1 E F G H
O 1 \phi \pi \psi \chi
O 1 \sigma \tau \rho \gamma
O 1 \alpha \beta \theta
V 4 x p k r
V 4 E B A J
V 3 v u a q
V 2 L S P K
V 2 n e l m
V 1 \sigma \tau \nabla
V 1 F D H X
V 1 \xi \phi \pi \omega
K 3 L H M D
K 2 O F N Z
K 2 A B C G
K 2 S T R V
K 1 P Q W K
K 1 E J X Y
K 1 I U
c 3 m g \lambda e
c 6 a b c d
c 3 e g m \alpha
c 3 \alpha \beta \gamma \kappa
c 2 k \mu \nu \rho
c 2 A B C D
c 1 N M k n
c 1 R L T V
c 1 G c M \Lambda
c 1 \epsilon \delta \eta \theta
c 1 \omega \Omega m q
c 1 q \sigma \hbar e
c 1 l \ell h r
i 12 i j k n
i 4 a b c d
i 2 m n p q
i 2 k i n m
i 2 \alpha \beta \gamma \delta
i 2 I J K L
i 2 A B C D
i 1 r s t u
i 1 M N P Q
i 1 a i b j
mu 12 \mu \nu \rho \sigma \lambda
mu 4 \alpha \beta \gamma \delta \epsilon
mu 3 a b c d
mu 2 M N P Q R
mu 2 m n p q
mu 2 i j k l
mu 1 A B C D
mu 1 \kappa \lambda \tau \eta
mu 1 \mu \nu \alpha \beta
n 8 n m k l
n 4 n k j i
n 2 N M L K
n 1 l m n \ell
n 2 j l s m
n 2 p q r d
n 1 D d p
n 1 \nu \alpha \mu \iota
N 6 N n M
N 4 \infty N
N 1 L K d
N 1 r p s
g 4 G H K
g 3 g h k
g 2 M N X \Sigma
g 2 S T U V
g 1 A B E F
g 1 \Gamma \Lambda \Omega
even 4 2 4 8
number 9 2 3 4
number 5 2 4 3
number 2 4 8 6
number 1 3 5 7 9
number 1 2 6 8
number 1 2 5
digit 9 1 2 0 3
digit 6 0 1 2 3
digit 1 4 5 6 7 8 9
trig 4 \sin \cos
trig 1 \tan
trig 1 \cosh \sinh
fn 6 \sin \cos \tan
fn 4 \ln \exp \log
fn 3 \cosh \sinh \tanh \coth
fn 2 \exp \cos \sin
fn 1 \arctan \arcsin \arccos
fn 1 \cot \csc \sec
fn 1 \log \arg \exp
late 2 \varsigma \upsilon \iota \aleph
late 1 \wp \jmath \imath
late 1 \varepsilon \vartheta \varpi \varphi
late 1 \Upsilon \Xi \Pi
"""
